import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { CheckpointEvent, PaxosError, PaxosNode, PaxosOptions } from '../../src/index.js'
import { LocalCluster, machineUrl, until } from './local-cluster.js'

const MACHINES = [machineUrl('tally'), machineUrl('shelf')]
/** Nothing by itself. */
const QUIET: Partial<PaxosOptions> = {
  groups: { count: 2 },
  stateMachines: MACHINES,
  checkpoints: { everyInstances: 1_000_000, everyMs: 86_400_000 },
}

let cluster: LocalCluster
afterEach(() => cluster.stop())

function heard(node: PaxosNode): CheckpointEvent[] {
  const events: CheckpointEvent[] = []
  node.on('checkpoint', (event) => events.push(event))
  return events
}

async function fill(node: PaxosNode, group: number, count: number): Promise<void> {
  const handle = node.group(group)
  for (let k = 0; k < count; k++) {
    await handle.proposeMany([
      { name: `k${k % 7}`, add: 1 },
      { name: 'all', add: 1 },
    ])
    await handle.propose({ key: `key ${k}`, text: `text ${k}` }, { machine: 3 })
  }
}

const failure = (promise: Promise<unknown>): Promise<PaxosError> =>
  promise.then(
    (value) => {
      throw new Error(`no failure, but ${JSON.stringify(value)}`)
    },
    (error) => error,
  )

describe('checkpoints on demand', () => {
  test('cover what was executed before, are told of once, and stand in the status', async () => {
    cluster = await LocalCluster.start(3, QUIET)
    const node = cluster.node(2)
    const events = heard(node)
    await fill(node, 0, 20)
    const executed = node.group(0).status().executedUpTo
    const [one, two] = await Promise.all([node.group(0).checkpoint(), node.group(0).checkpoint()])
    expect(one.instance).toBeGreaterThanOrEqual(executed)
    expect(two).toEqual(one)
    await until(() => node.group(0).status().checkpoint === one.instance)
    expect(events).toEqual([{ group: 0, instance: one.instance, bytes: expect.any(Number) }])
    expect(events[0]?.bytes).toBeGreaterThan(0)
    // Nothing was executed since: it is there already, and no news.
    expect(await node.group(0).checkpoint()).toEqual(one)
    expect(events.length).toBe(1)
    expect(node.group(1).status().checkpoint).toBe(0)
    expect(cluster.alarms).toEqual([])
  })

  test('cover what is executed by the time of the call, under load', async () => {
    cluster = await LocalCluster.start(1, { ...QUIET, groups: { count: 1 } })
    const group = cluster.node(1).group(0)
    let isOver = false
    const load = (async () => {
      while (!isOver) await group.proposeMany(Array.from({ length: 20 }, (_, k) => ({ name: `k${k}`, add: 1 })))
    })()
    for (let round = 0; round < 5; round++) {
      const { instance } = await group.propose({ name: 'last', add: 1 })
      const [first, second] = await Promise.all([
        group.checkpoint(),
        // While the first one is being made.
        new Promise((resolve) => setTimeout(resolve, 20)).then(async () => {
          const later = await group.propose({ name: 'later', add: 1 })
          return { later: later.instance, made: (await group.checkpoint()).instance }
        }),
      ])
      expect(first.instance).toBeGreaterThanOrEqual(instance)
      expect(second.made).toBeGreaterThanOrEqual(second.later)
    }
    isOver = true
    await load
    expect(cluster.alarms).toEqual([])
  })

  test('cannot be had where a machine in memory has no snapshot', async () => {
    cluster = await LocalCluster.start(1, { ...QUIET, stateMachines: [machineUrl('counter')] })
    await cluster.node(1).group(0).propose({ add: 1 })
    const error = await failure(cluster.node(1).group(0).checkpoint())
    expect(error).toMatchObject({ code: 'CHECKPOINT_FAILED', message: expect.stringMatching(/no snapshot/) })
  })

  test('that fail say why, to the caller and as an alarm', async () => {
    cluster = await LocalCluster.start(1, { ...QUIET, stateMachines: [machineUrl('brittle')] })
    const group = cluster.node(1).group(0)
    await group.propose('anything')
    const error = await failure(group.checkpoint())
    expect(error).toMatchObject({ code: 'CHECKPOINT_FAILED', message: expect.stringMatching(/brittle by design/) })
    const [alarm] = cluster.alarms
    expect(alarm).toMatchObject({ code: 'CHECKPOINT_FAILED', group: 0, details: { cause: 'EXECUTE_FAILED' } })
    expect(group.status()).toMatchObject({ state: 'running', checkpoint: 0 })
  })

  test('end with the worker that was asked, and with the node', async () => {
    cluster = await LocalCluster.start(1, { ...QUIET, stateMachines: [machineUrl('endless'), machineUrl('tally')] })
    const node = cluster.node(1)
    const group = node.group(0)
    await group.propose('anything', { machine: 9 })
    const first = failure(group.checkpoint())
    const exit = failure(group.read('exit!', { machine: 1, timeoutMs: 20_000 }))
    expect(await first).toMatchObject({ code: 'GROUP_RESTARTED' })
    await exit
    await until(() => group.status().state === 'running')
    await group.propose('anything', { machine: 9 })
    // Its snapshot never ends, nor does that of the task which the former life has left behind.
    const second = failure(group.checkpoint())
    await node.stop()
    expect(await second).toMatchObject({ code: 'NODE_STOPPED' })
    expect(await failure(group.checkpoint())).toMatchObject({ code: 'NODE_STOPPED' })
    cluster.nodes.delete(1)
    const again = await cluster.up(1, { stateMachines: MACHINES })
    await again.group(0).propose({ name: 'a', add: 1 })
    await again.group(0).checkpoint()
    const names = readdirSync(join(cluster.base, '1', 'store-0000', 'checkpoints', 'group-0'))
    expect(names).toEqual([expect.stringMatching(/^\d{12}$/)])
  })
})

describe('checkpoints by policy', () => {
  const OFTEN: Partial<PaxosOptions> = {
    ...QUIET,
    groups: { count: 1 },
    checkpoints: { everyInstances: 40, everyMs: 86_400_000, keep: 2 },
    trimming: { holdInstances: 10 },
  }

  test('are taken, kept and trimmed behind, on every node', async () => {
    cluster = await LocalCluster.start(3, OFTEN)
    const events = heard(cluster.node(3))
    const node = cluster.node(1)
    await until(async () => {
      await fill(node, 0, 20)
      return [1, 2, 3].every((id) => cluster.node(id).group(0).status().firstKept > 100)
    }, 50_000)
    for (const id of [1, 2, 3]) {
      const { firstKept, checkpoint } = cluster.node(id).group(0).status()
      expect(firstKept).toBeLessThanOrEqual(checkpoint + 1 - 10)
      const names = readdirSync(join(cluster.base, String(id), 'store-0000', 'checkpoints', 'group-0'))
      expect(names.filter((name) => /^\d+$/.test(name)).length).toBeLessThanOrEqual(3)
    }
    expect(events.map(({ instance }) => instance)).toEqual(
      [...new Set(events.map(({ instance }) => instance))].sort((a, b) => a - b),
    )
    expect(events.length).toBeGreaterThan(1)
    await cluster.settle()
    // What was trimmed is in the checkpoint: nobody executes it again.
    await cluster.down(2)
    const again = await cluster.up(2)
    await cluster.settle()
    const all = await again.group(0).read('all')
    expect(all).toBe(await node.group(0).read('all'))
    expect(cluster.alarms).toEqual([])
  })

  test('trim nothing while that is paused, nor what is held, also when the worker is another one', async () => {
    cluster = await LocalCluster.start(1, OFTEN)
    const node = cluster.node(1)
    const group = node.group(0)
    group.pauseTrimming()
    await failure(group.read('exit!', { timeoutMs: 20_000 }))
    await until(() => group.status().state === 'running')
    await until(async () => {
      await fill(node, 0, 20)
      return group.status().checkpoint > 120
    })
    await group.checkpoint()
    await fill(node, 0, 20)
    expect(group.status().firstKept).toBe(1)
    group.setHold({ instances: 60 })
    group.resumeTrimming()
    await until(async () => {
      await fill(node, 0, 10)
      return group.status().firstKept > 1
    })
    const { firstKept, checkpoint } = group.status()
    expect(firstKept).toBeLessThanOrEqual(checkpoint + 1 - 60)
    for (const hold of [{ instances: -1 }, { ms: Number.NaN }, { bytes: '3' }, { count: 3 }])
      expect(() => group.setHold(hold as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })
})
