// node dist/test/cluster/catch-up-main.js: a node that was away for 100,000 instances
import { catchUpScenario } from './catch-up-scenario.js'
import { runScript } from './run-script.js'

await runScript({ instances: 100_000, groups: 4, callers: 64, bytes: 100 }, (options, log) =>
  catchUpScenario({ ...options, log }),
)
