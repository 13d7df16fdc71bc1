// node dist/test/cluster/kill-main.js --kills 100 --all-kills 10
import { killScenario } from './kill-scenario.js'
import { runScript } from './run-script.js'

const seed = Math.floor(Math.random() * 2 ** 31)
await runScript({ kills: 100, 'all-kills': 10, groups: 4, writers: 48, seed }, (options, log) =>
  killScenario({ ...options, allKills: options['all-kills'], log }),
)
