import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { StageProbe, StageSample } from '../../src/index.js'
import { machineNow } from '../../src/ring/machine-clock.js'
import { LocalCluster } from './local-cluster.js'

describe('stages', () => {
  const cluster = new LocalCluster()
  const probes = new Map<number, StageProbe>()
  beforeAll(async () => {
    await cluster.lay(3)
    const onStages = (id: number) => (probe: StageProbe) => void probes.set(id, probe)
    await Promise.all([1, 2, 3].map((id) => cluster.up(id, { testing: { onStages: onStages(id) } })))
  })
  afterAll(() => cluster.stop())

  async function propose(node: number, commands: number): Promise<void> {
    for (let i = 0; i < commands; i++) await cluster.node(node).group(0).propose({ add: 1 })
  }

  async function samplesOf(node: number): Promise<StageSample[]> {
    const samples: StageSample[] = []
    for (let tries = 0; samples.length < 5 && tries < 50; tries++) {
      await propose(node, 20)
      samples.push(...(probes.get(node) as StageProbe).take())
    }
    return samples
  }

  test('a command of the leader is followed from its proposal to the resumption of its caller', async () => {
    const before = machineNow()
    const samples = await samplesOf(1)
    expect(samples.length).toBeGreaterThanOrEqual(5)
    for (const { group, instance, proposed, published, worker, collected, linked, answered, resumed } of samples) {
      expect(group).toBe(0)
      expect(instance).toBeGreaterThan(0)
      const way = [before, proposed, published, worker.read, worker.sent, worker.committed]
      const back = [worker.chosen, worker.executed, answered, resumed, machineNow()]
      for (const moments of [way, [worker.sent, collected, linked, worker.chosen], back]) {
        expect(moments).not.toContain(undefined)
        expect(moments).toEqual([...(moments as number[])].sort((a, b) => a - b))
      }
    }
  })

  test('its followers say when they had the instance, and when it was on their disks', async () => {
    const sample = (await samplesOf(1)).at(-1) as StageSample
    await cluster.settle()
    for (const id of [2, 3]) {
      const at = (stage: 'accepted' | 'committed') =>
        (probes.get(id) as StageProbe).timeOf(sample.group, stage, sample.instance) as number
      expect(at('accepted')).toBeGreaterThan(sample.worker.sent as number)
      expect(at('committed')).toBeGreaterThan(at('accepted'))
    }
  })

  test('the main thread says what the node did on it, which is not more than its loop did', async () => {
    await propose(1, 50)
    const { main } = cluster.node(1).status()
    const { receiveMs, repliesMs, routeMs, flushMs, linkMs, callersMs } = main
    const parts = [receiveMs, repliesMs, routeMs, flushMs, linkMs, callersMs]
    for (const part of parts) expect(part).toBeGreaterThan(0)
    expect(parts.reduce((sum, part) => sum + part, 0)).toBeLessThanOrEqual(main.activeMs)
    expect(main.turns).toBeGreaterThan(0)
  })
})
