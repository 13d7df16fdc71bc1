import { expect, test } from '@jest/globals'
import { rejoinScenario } from './rejoin-scenario.js'

const LIMIT_MS = 120_000

test(
  'a node that was away until all logs were trimmed comes back from checkpoints, under load',
  async () => {
    const options = {
      ...{ groups: 2, keys: 100, bytes: 4_000, writers: 8, checkpointEvery: 150, hold: 50 },
      // The share is the script's to hold, on a machine with nothing else to do.
      ...{ windowMs: 300, share: 0, seed: 5, log: () => undefined },
    }
    const result = await rejoinScenario(options)
    expect(result).toMatchObject({ ok: true, problems: [], lost: 0, doubled: 0, chainsEqual: true, loaded: 2 })
    expect(result.counts.acknowledged).toBeGreaterThan(0)
  },
  LIMIT_MS,
)
