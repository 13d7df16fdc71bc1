// node dist/test/cluster/rejoin-main.js: 16 groups of 20 MB each come back from checkpoints, under load
import { rejoinScenario } from './rejoin-scenario.js'
import { runScript } from './run-script.js'

const defaults = {
  ...{ groups: 16, keys: 16_384, bytes: 20_000, writers: 48, 'checkpoint-every': 2_000, hold: 500 },
  ...{ 'window-ms': 10_000, share: 2 / 3, seed: 1 },
}
await runScript(defaults, (options, log) =>
  rejoinScenario({ ...options, checkpointEvery: options['checkpoint-every'], windowMs: options['window-ms'], log }),
)
