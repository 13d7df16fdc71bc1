// node dist/test/cluster/idle-leader-main.js: the leader killed on an idle cluster
import { idleLeaderScenario } from './leader-scenario.js'
import { runScript } from './run-script.js'

await runScript({ groups: 4, 'idle-ms': 3_000, 'limit-ms': 2_000, rounds: 5 }, (options) =>
  idleLeaderScenario({ ...options, idleMs: options['idle-ms'], limitMs: options['limit-ms'] }),
)
