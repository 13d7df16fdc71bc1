// node dist/test/cluster/idle-main.js: what an idle cluster costs
import { idleScenario } from './idle-scenario.js'
import { runScript } from './run-script.js'

await runScript({ groups: 8, 'settle-ms': 4_000, seconds: 20, 'limit-percent': 2 }, (options) =>
  idleScenario({ ...options, settleMs: options['settle-ms'], limitPercent: options['limit-percent'] }),
)
