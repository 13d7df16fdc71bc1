import { expect, test } from '@jest/globals'
import { killScenario } from './kill-scenario.js'
import { idleLeaderScenario } from './leader-scenario.js'

/** The full counts are for the scripts; these few show on every change that the way is still whole. */
const LIMIT_MS = 60_000

test(
  'nodes killed under load: what was acknowledged is there once, and all chains are equal',
  async () => {
    const options = { kills: 3, allKills: 1, groups: 2, writers: 8, seed: 7, log: () => undefined }
    const result = await killScenario(options)
    expect(result).toMatchObject({ ok: true, problems: [], lost: 0, doubled: 0, chainsEqual: true })
    expect(result.counts.acknowledged).toBeGreaterThan(0)
  },
  LIMIT_MS,
)

test(
  'the leader of an idle cluster killed: the others answer',
  async () => {
    // The bound is the script's to hold, on a machine with nothing else to do; here only that they do answer.
    const result = await idleLeaderScenario({ groups: 2, idleMs: 500, limitMs: 15_000, rounds: 1 })
    expect(result).toMatchObject({ ok: true, problems: [] })
  },
  LIMIT_MS,
)
