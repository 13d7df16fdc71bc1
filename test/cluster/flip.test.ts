import { expect, test } from '@jest/globals'
import { flipScenario } from './flip-scenario.js'

const LIMIT_MS = 180_000

test(
  "a byte of a node's data changed: it answers rightly, and is well again or has ended its voter",
  async () => {
    const result = await flipScenario({
      ...{
        positions: 3,
        groups: 2,
        keys: 400,
        bytes: 400,
        checkpointEvery: 100,
        limitMs: 60_000,
        restarts: 1,
        seed: 4,
      },
      log: () => undefined,
    })
    expect(result).toMatchObject({ ok: true, problems: [], positions: 3 })
  },
  LIMIT_MS,
)
