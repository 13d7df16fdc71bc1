import { expect, test } from '@jest/globals'
import { checkpointKillScenario } from './checkpoint-kill-scenario.js'

const LIMIT_MS = 180_000

test(
  'nodes killed while they take and receive checkpoints: their disks hold the old state or the new one, and nothing is lost',
  async () => {
    const result = await checkpointKillScenario({
      ...{ kills: 3, groups: 1, writers: 8, stateBytes: 1_500_000, checkpointEvery: 150 },
      // Whether a kill hits what it is aimed at is for the script to count.
      ...{ share: 0, seed: 3, log: () => undefined },
    })
    expect(result).toMatchObject({ ok: true, problems: [], lost: 0, doubled: 0, chainsEqual: true, kills: 3 })
    expect(result.counts.acknowledged).toBeGreaterThan(0)
  },
  LIMIT_MS,
)
