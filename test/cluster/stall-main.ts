// node dist/test/cluster/stall-main.js: SIGSTOP of the leader for ten seconds under load
import { stallScenario } from './leader-scenario.js'
import { runScript } from './run-script.js'

const defaults = { groups: 4, writers: 48, 'stop-ms': 10_000, 'limit-ms': 2_000, seed: 1 }
await runScript(defaults, (options) =>
  stallScenario({ ...options, stopMs: options['stop-ms'], limitMs: options['limit-ms'] }),
)
