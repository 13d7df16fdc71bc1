import { afterEach, expect, jest, test } from '@jest/globals'
import { AttackedCluster, bytesHeld } from './attacked-cluster.js'

jest.setTimeout(120_000)

let cluster: AttackedCluster | undefined
afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
})

const SEED = 20261121
const MIB = 1024 * 1024

test.each(['uws', 'ws'] as const)(
  'a node that listens with %s serves on whatever comes in at its port',
  async (listener) => {
    cluster = await AttackedCluster.start(listener, SEED)
    await cluster.serves()
    await cluster.attackWithEach()
    const before = bytesHeld()
    for (let round = 0; round < 3; round++) {
      await cluster.attack(28)
      await cluster.serves()
    }
    const counted = cluster.counted()
    expect(counted.refusedLinks).toBeGreaterThan(20)
    expect(counted.refusedFrames).toBeGreaterThan(20)
    expect(counted.badRecords).toBeGreaterThan(5)
    expect(bytesHeld() - before).toBeLessThan(32 * MIB)
    expect(cluster.unexpectedAlarms).toEqual([])
  },
)
