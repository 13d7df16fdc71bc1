// node dist/test/cluster/flip-main.js --positions 500 --seed 7
import { flipScenario } from './flip-scenario.js'
import { runScript } from './run-script.js'

const seed = Math.floor(Math.random() * 2 ** 31)
const defaults = {
  ...{ positions: 500, groups: 3, keys: 6_000, bytes: 700, 'checkpoint-every': 400 },
  ...{ 'limit-ms': 60_000, restarts: 0, seed },
}
await runScript(defaults, (options, log) =>
  flipScenario({ ...options, checkpointEvery: options['checkpoint-every'], limitMs: options['limit-ms'], log }),
)
