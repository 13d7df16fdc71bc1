import { expect, test } from '@jest/globals'
import { torture } from './torture.js'

/** The half hour is the script's; this shows on every change that its way is still whole. */
const LIMIT_MS = 120_000

test(
  'nodes that are killed, paused, parted, and whose disks fail, under load',
  async () => {
    const result = await torture({
      minutes: 0.3,
      seed: 3,
      nodes: 3,
      groups: 2,
      clients: 12,
      rate: 200,
      roundMs: 9_000,
      log: () => undefined,
    })
    for (const text of result.skipped) console.log(`not tested: ${text}`)
    expect(result).toMatchObject({ ok: true, problems: [], undecided: 0 })
    // Each hand waits less than a round before its first act; which one that is, the seed says.
    expect(result.kills).toBeGreaterThan(0)
    const { partitions = 0, 'slow links': slow = 0, 'cut connections': cuts = 0 } = result.faults
    expect(partitions + slow + cuts).toBeGreaterThan(0)
    expect(result.checked).toBeGreaterThan(200)
  },
  LIMIT_MS,
)
