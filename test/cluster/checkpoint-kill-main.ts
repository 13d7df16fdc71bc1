// node dist/test/cluster/checkpoint-kill-main.js --kills 50 --seed 7
import { checkpointKillScenario } from './checkpoint-kill-scenario.js'
import { runScript } from './run-script.js'

const seed = Math.floor(Math.random() * 2 ** 31)
const defaults = {
  kills: 50,
  groups: 3,
  writers: 24,
  'state-bytes': 2_000_000,
  'checkpoint-every': 200,
  share: 0.5,
  seed,
}
await runScript(defaults, (options, log) =>
  checkpointKillScenario({
    ...options,
    stateBytes: options['state-bytes'],
    checkpointEvery: options['checkpoint-every'],
    log,
  }),
)
