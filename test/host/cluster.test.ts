import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { PaxosError, SettledAnswer } from '../../src/index.js'
import { LocalCluster, machineUrl, until } from './local-cluster.js'

const failure = (promise: Promise<unknown>): Promise<PaxosError> =>
  promise.then(
    (value) => {
      throw new Error(`no failure, but ${JSON.stringify(value)}`)
    },
    (error) => error,
  )

describe('a cluster of three nodes in one process', () => {
  let cluster: LocalCluster
  beforeAll(async () => {
    cluster = await LocalCluster.start(3, { stateMachines: [machineUrl('counter'), machineUrl('second')] })
  })
  afterAll(() => cluster.stop())

  test('proposals from any node are executed once, everywhere', async () => {
    const group = cluster.node(1).group(0)
    const before = (await group.read()) as number
    for (const id of [1, 2, 3]) {
      const { instance, index, result } = await cluster.node(id).group(0).propose({ add: 1 })
      expect(instance).toBeGreaterThan(0)
      expect(index).toBeGreaterThanOrEqual(0)
      expect(result).toBe(before + id)
    }
    await cluster.settle()
    for (const id of [1, 2, 3])
      expect(await cluster.node(id).group(0).read(undefined, { consistency: 'local' })).toBe(before + 3)
  })

  test('a read of a majority on any node sees what was acknowledged on another', async () => {
    for (let i = 0; i < 20; i++) {
      const { result } = await cluster
        .node(1 + (i % 3))
        .group(1)
        .propose({ add: 1 })
      const value = await cluster
        .node(1 + ((i + 1) % 3))
        .group(1)
        .read()
      expect(value as number).toBeGreaterThanOrEqual(result as number)
    }
  })

  test('a thousand callers at a time, on all nodes', async () => {
    const group = (k: number) => cluster.node(1 + (k % 3)).group(0)
    const before = (await group(0).read()) as number
    await Promise.all(Array.from({ length: 1_000 }, (_, k) => group(k).propose({ add: 1 })))
    expect(await group(1).read()).toBe(before + 1_000)
    await cluster.settle()
  })

  test('proposeMany: in order, each with its own end', async () => {
    const group = cluster.node(2).group(0)
    const answers = await group.proposeMany([{ add: 5 }, { reject: 'not today' }, { echo: 'x' }, { add: 1 }])
    const first = (answers[0] as { result: number }).result
    expect((answers[1] as { error: PaxosError }).error).toMatchObject({
      code: 'REJECTED',
      outcome: 'applied',
      reason: 'not today',
    })
    expect((answers[2] as { result: unknown }).result).toBe('x')
    expect((answers[3] as { result: unknown }).result).toBe(first + 1)
    const many = await group.proposeMany(Array.from({ length: 20_000 }, () => ({ add: 1 })))
    expect(many.map((answer: SettledAnswer) => ('result' in answer ? answer.result : answer.error.code))).toEqual(
      Array.from({ length: 20_000 }, (_, i) => first + 2 + i),
    )
    expect(await group.proposeMany([])).toEqual([])
  })

  test('anything plain comes back as it went', async () => {
    const group = cluster.node(1).group(0)
    for (const echo of [null, true, -1.5, 'ü', [1, [2]], { a: { b: 'c' } }, 2n ** 60n, new Uint8Array([1, 2, 3])]) {
      expect((await group.propose({ echo })).result).toEqual(echo)
    }
    expect((await group.propose(new Uint8Array(10))).result).toBe(10)
    expect((await group.propose(Buffer.from('abc'))).result).toBe(3)
  })

  test('commands and results of megabytes travel in fragments', async () => {
    const group = cluster.node(3).group(0)
    const results = await Promise.all([3_000_000, 10, 6_000_000, 20].map((size) => group.propose(new Uint8Array(size))))
    expect(results.map(({ result }) => result)).toEqual([3_000_000, 10, 6_000_000, 20])
    const echo = 'y'.repeat(900_000)
    expect((await group.propose({ echo })).result).toBe(echo)
    expect(await failure(group.propose({ echo: 'y'.repeat(1_200_000) }))).toMatchObject({
      code: 'RESULT_TOO_LARGE',
      outcome: 'applied',
    })
    await cluster.settle()
  }, 60_000)

  test('several state machines are told apart by id', async () => {
    const group = cluster.node(1).group(1)
    const { instance, result } = await group.propose(new Uint8Array(7), { machine: 2 })
    expect(result).toEqual(new Uint8Array([instance & 0xff, 0]))
    expect(await group.read(new Uint8Array(0), { machine: 2 })).toEqual(new Uint8Array([7]))
    expect(await failure(group.propose({}, { machine: 3 }))).toMatchObject({
      code: 'NO_SUCH_MACHINE',
      outcome: 'not-applied',
    })
    // The machine takes bytes and got something else: refused alike on every node.
    expect(await failure(group.propose({ a: 1 }, { machine: 2 }))).toMatchObject({
      code: 'REJECTED',
      outcome: 'applied',
    })
  })

  test('what cannot be proposed is refused before anything is queued', async () => {
    const group = cluster.node(1).group(0)
    expect(await failure(group.propose(new Uint8Array(16 * 1024 * 1024 + 1)))).toMatchObject({
      code: 'COMMAND_TOO_LARGE',
      outcome: 'not-applied',
    })
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    for (const command of [() => 1, Symbol('x'), cycle, { f() {} }]) {
      expect(await failure(group.propose(command))).toMatchObject({ code: 'NOT_ENCODABLE', outcome: 'not-applied' })
    }
    expect(await failure(group.proposeMany([{ add: 1 }, () => 1]))).toMatchObject({ code: 'NOT_ENCODABLE' })
    expect(await failure(group.propose({}, { timeoutMs: Number.NaN }))).toMatchObject({ code: 'INVALID_OPTION' })
    expect(await failure(group.read(1, { consistency: 'maybe' as 'local' }))).toMatchObject({ code: 'INVALID_OPTION' })
    expect(() => cluster.node(1).group(2)).toThrow(expect.objectContaining({ code: 'NO_SUCH_GROUP' }))
    expect(() => cluster.node(1).group(-1)).toThrow(expect.objectContaining({ code: 'NO_SUCH_GROUP' }))
  })

  test('an abort, before and after', async () => {
    const group = cluster.node(1).group(0)
    expect(await failure(group.propose({ add: 1 }, { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORTED',
      outcome: 'not-applied',
    })
    const controller = new AbortController()
    const going = failure(group.propose({ spin: 300 }, { signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect(await going).toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
  })

  test('a deadline while user code takes its time, neither early nor late', async () => {
    const group = cluster.node(1).group(0)
    const slow = group.propose({ spin: 400 })
    const started = performance.now()
    const error = await failure(group.propose({ add: 1 }, { timeoutMs: 100 }))
    const took = performance.now() - started
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
    expect(took).toBeGreaterThanOrEqual(100)
    expect(took).toBeLessThan(250)
    await slow
  })

  test('a full queue refuses at once, with a hint', async () => {
    const group = cluster.node(1).group(1)
    group.setAdmission({ maxWaiting: 10 })
    const ends = await Promise.allSettled(Array.from({ length: 50 }, () => group.propose({ add: 1 })))
    const refused = ends.filter((end) => end.status === 'rejected').map((end) => end.reason as PaxosError)
    expect(refused).toHaveLength(40)
    for (const error of refused) {
      expect(error).toMatchObject({ code: 'OVERLOADED', outcome: 'not-applied' })
      expect(error.retryAfterMs).toBeGreaterThan(0)
    }
    group.setAdmission({ maxWaiting: 65_536 })
    await group.propose({ add: 1 })
    expect(group.status().queues.refused).toBe(40)
  })

  test('keys are spread over the groups, alike on all nodes', () => {
    const counts = [0, 0]
    for (let i = 0; i < 1_000; i++) {
      const indexes = [1, 2, 3].map((id) => cluster.node(id).groupFor(`user:${i}`).index)
      expect(new Set(indexes).size).toBe(1)
      counts[indexes[0] as number]!++
    }
    expect(Math.min(...counts)).toBeGreaterThan(400)
    expect(cluster.node(1).groupFor(Buffer.from('user:1')).index).toBe(cluster.node(1).groupFor('user:1').index)
  })

  test('status says how things stand', async () => {
    await cluster.settle()
    const status = cluster.node(1).status()
    expect(status).toMatchObject({ nodeId: 1, isVoter: true })
    expect(status.groups).toHaveLength(2)
    const [group] = status.groups
    expect(group).toMatchObject({ state: 'running', queues: { queued: 0, handed: 0, reads: 0 } })
    expect([1, 2, 3]).toContain(group?.leader)
    expect(status.peers.every(({ sendable, receivable }) => sendable && receivable)).toBe(true)
    expect(status.workers.reduce((sum, { counters }) => sum + counters.commits, 0)).toBeGreaterThan(0)
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
  })

  test('an idle cluster falls silent', async () => {
    await cluster.settle()
    const sent = () => [1, 2, 3].reduce((sum, id) => sum + cluster.node(id).status().router.messagesOut, 0)
    await until(async () => {
      const before = sent()
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      return sent() === before
    })
  }, 30_000)
})

describe('stopping and starting again', () => {
  test('the same directories, all at once and one after another, keep everything', async () => {
    const cluster = await LocalCluster.start(3)
    try {
      const ids = [1, 2, 3]
      for (let i = 0; i < 100; i++)
        await cluster
          .node(1 + (i % 3))
          .group(i % 2)
          .propose({ add: 1 })
      await Promise.all(ids.map((id) => cluster.down(id)))
      await Promise.all(ids.map((id) => cluster.up(id)))
      expect(await cluster.node(2).group(0).read()).toBe(50)
      for (const id of ids) {
        await cluster.down(id)
        const other = cluster.node(1 + (id % 3)).group(1)
        await other.propose({ add: 1 }, { timeoutMs: 10_000 })
        await cluster.up(id)
      }
      expect(await cluster.node(3).group(1).read()).toBe(53)
      await cluster.settle()
    } finally {
      await cluster.stop()
    }
  }, 90_000)

  test('stop ends what is in flight, refuses what comes, and can be called twice', async () => {
    const cluster = await LocalCluster.start(3)
    try {
      const node = cluster.node(1)
      const group = node.group(0)
      await group.propose({ add: 1 })
      const going = group.propose({ add: 1 })
      const stopped = node.stop()
      expect(await failure(group.propose({ add: 1 }))).toMatchObject({ code: 'NODE_STOPPED', outcome: 'not-applied' })
      expect((await going).result).toBe(2)
      await Promise.all([stopped, node.stop()])
      expect(await failure(group.read())).toMatchObject({ code: 'NODE_STOPPED' })
    } finally {
      await cluster.stop()
    }
  }, 60_000)

  test('without a majority: NO_QUORUM at the deadline, local reads go on, and all is well when it returns', async () => {
    const cluster = await LocalCluster.start(3)
    try {
      const group = cluster.node(1).group(0)
      await group.propose({ add: 1 })
      await Promise.all([2, 3].map((id) => cluster.down(id)))
      expect(await failure(group.propose({ add: 1 }, { timeoutMs: 300 }))).toMatchObject({
        code: 'NO_QUORUM',
        outcome: 'unknown',
      })
      expect(await failure(group.read(undefined, { timeoutMs: 300 }))).toMatchObject({ code: 'NO_QUORUM' })
      expect(await group.read(undefined, { consistency: 'local' })).toBe(1)
      const waits = group.propose({ add: 10 }, { timeoutMs: 30_000 })
      await Promise.all([2, 3].map((id) => cluster.up(id)))
      expect((await waits).result as number).toBeGreaterThanOrEqual(11)
      await cluster.settle()
    } finally {
      await cluster.stop()
    }
  }, 60_000)

  test('one node alone is a cluster', async () => {
    const cluster = await LocalCluster.start(1)
    try {
      await using node = cluster.node(1)
      expect((await node.group(0).propose({ add: 3 })).result).toBe(3)
      expect(await node.group(0).read()).toBe(3)
    } finally {
      await cluster.stop()
    }
  })

  test('a node that was away learns what it missed, although nothing happens any more', async () => {
    const cluster = await LocalCluster.start(3)
    try {
      await cluster.node(1).group(0).propose({ add: 1 })
      await cluster.settle()
      await cluster.down(3)
      await cluster.node(1).group(0).propose({ add: 1 })
      await cluster.up(3)
      const { chosenUpTo } = cluster.node(1).group(0).status()
      await until(() => cluster.node(3).group(0).status().executedUpTo >= chosenUpTo)
    } finally {
      await cluster.stop()
    }
  }, 60_000)

  test('an empty directory at a node of a living cluster does not vote, and says so', async () => {
    const cluster = await LocalCluster.start(3)
    try {
      await cluster.node(1).group(0).propose({ add: 1 })
      await cluster.down(3)
      const emptied = { dataDir: `${cluster.base}/3-empty` }
      await cluster.up(3, emptied)
      expect(cluster.node(3).status().isVoter).toBe(false)
      // With node 2 gone as well there is no majority of voters, although two nodes are up.
      await cluster.down(2)
      const error = await failure(cluster.node(1).group(0).propose({ add: 1 }, { timeoutMs: 1_000 }))
      expect(error).toMatchObject({ code: 'NO_QUORUM' })
      await cluster.up(2)
      await cluster.node(1).group(0).propose({ add: 1 })
      await until(
        async () => ((await cluster.node(3).group(0).read(undefined, { consistency: 'local' })) as number) >= 2,
      )
    } finally {
      await cluster.stop()
    }
  }, 60_000)
})
