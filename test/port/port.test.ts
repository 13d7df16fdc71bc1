import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { PaxosNode } from '../../src/index.js'
import { LocalCluster, machineUrl, until } from '../host/local-cluster.js'
import { CallerThread } from './caller-thread.js'
import type { End } from './port-thread.js'

const ones = (count: number) => Array.from({ length: count }, () => ({ add: 1 }))
const threads: CallerThread[] = []

function threadOf(node: PaxosNode): CallerThread {
  const thread = new CallerThread(node)
  threads.push(thread)
  return thread
}

afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.terminate()))
})

describe('ports of a cluster of three nodes', () => {
  let cluster: LocalCluster
  beforeAll(async () => {
    cluster = await LocalCluster.start(3, { stateMachines: [machineUrl('counter'), machineUrl('second')] })
  })
  afterAll(() => cluster.stop())

  test('calls and their ends are those of the node', async () => {
    const thread = threadOf(cluster.node(2))
    const group = cluster.node(1).group(0)
    const before = (await group.read()) as number
    expect(await thread.propose(0, { add: 2 })).toBe(before + 2)
    expect(await thread.ask({ do: 'read', group: 0 })).toBe(before + 2)
    expect(await thread.ask({ do: 'read', group: 0, consistency: 'local' })).toBe(before + 2)
    expect(await group.read()).toBe(before + 2)
    expect(await thread.ask({ do: 'many', group: 0, commands: [{ add: 1 }, { reject: 'no' }, { echo: 'x' }] })).toEqual(
      [{ result: before + 3 }, { code: 'REJECTED', outcome: 'applied' }, { result: 'x' }],
    )
    for (const size of [10, 700_000, 3_000_000]) expect(await thread.propose(0, new Uint8Array(size))).toBe(size)
    const echo = 'y'.repeat(900_000)
    expect(await thread.propose(0, { echo })).toBe(echo)
    const refused = { outcome: 'not-applied' }
    await expect(thread.propose(2, {})).rejects.toMatchObject({ code: 'NO_SUCH_GROUP', ...refused })
    await expect(thread.propose(0, new Uint8Array(17 << 20))).rejects.toMatchObject({ code: 'COMMAND_TOO_LARGE' })
    await expect(thread.propose(0, {}, -1)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(thread.ask({ do: 'open again' })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  }, 30_000)

  test('deadlines, aborts and bounds are kept in the thread of the port', async () => {
    const thread = threadOf(cluster.node(1))
    const slow = cluster.node(1).group(0).propose({ spin: 600 })
    const before = performance.now()
    await expect(thread.propose(0, { add: 1 }, 100)).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
    expect(performance.now() - before).toBeGreaterThanOrEqual(99)
    await expect(thread.ask({ do: 'abort', group: 0, command: { add: 1 } })).rejects.toMatchObject({ code: 'ABORTED' })
    await slow
    await thread.ask({ do: 'admit', group: 1, maxWaiting: 10 })
    const ends = await thread.ask<End[]>({ do: 'storm', group: 1, commands: ones(50) })
    expect(ends.filter((end) => 'code' in end && end.code === 'OVERLOADED')).toHaveLength(40)
    expect(cluster.node(1).status().ports).toMatchObject([{ refused: 40 }])
  }, 30_000)

  test('several ports and the node itself at one time: each command once, each answer its own', async () => {
    const sources = [threadOf(cluster.node(1)), threadOf(cluster.node(1)), threadOf(cluster.node(3))]
    const group = cluster.node(1).group(0)
    const before = (await group.read()) as number
    const [own, ...ported] = await Promise.all([
      Promise.all(ones(3_000).map((command) => group.propose(command))),
      ...sources.map((source) => source.ask<End[]>({ do: 'storm', group: 0, commands: ones(3_000) })),
    ])
    const results = [...own, ...ported.flat()].map((end) => (end as { result: number }).result)
    // A counter gives each of its numbers to one command.
    expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: 12_000 }, (_, i) => before + 1 + i))
    await cluster.settle()
    expect(
      cluster
        .node(1)
        .status()
        .ports.map(({ waiting }) => waiting),
    ).toEqual([0, 0])
  }, 60_000)

  test('a port whose thread closes it, or is ended in the middle, holds up nobody', async () => {
    const [closing, dying] = [threadOf(cluster.node(1)), threadOf(cluster.node(1))]
    const group = cluster.node(1).group(0)
    // From then on they have rings, and what they propose is with the worker at once.
    for (const thread of [closing, dying]) await thread.propose(0, { add: 1 })
    const slow = group.propose({ spin: 500 })
    const open = closing.ask<End[]>({ do: 'storm', group: 0, commands: ones(100) })
    // Answers that nobody will read, more than their ring has room for.
    const echo = 'z'.repeat(100_000)
    void dying.ask({ do: 'stand', group: 0, commands: Array.from({ length: 100 }, () => ({ echo })), ms: 60_000 })
    await until(() =>
      cluster
        .node(1)
        .status()
        .ports.every(({ waiting }) => waiting > 0),
    )
    await closing.ask({ do: 'close' })
    for (const end of await open) expect(end).toMatchObject({ code: 'PORT_CLOSED', outcome: 'unknown' })
    await expect(closing.propose(0, { add: 1 })).rejects.toMatchObject({ code: 'PORT_CLOSED', outcome: 'not-applied' })
    await slow
    await group.propose({ add: 1 })
    await dying.terminate()
    await until(() => cluster.node(1).status().ports.length === 0)
    await Promise.all(ones(1_000).map((command) => group.propose(command)))
    expect(await threadOf(cluster.node(1)).propose(0, { echo: 'again' })).toBe('again')
    await cluster.settle()
  }, 60_000)

  test('a thread that reads nothing for a while stops no group; each of its callers hears of its end', async () => {
    const thread = threadOf(cluster.node(1))
    const group = cluster.node(1).group(0)
    const echo = 'w'.repeat(250_000)
    const commands = Array.from({ length: 60 }, () => ({ echo }))
    const standing = thread.ask<End[]>({ do: 'stand', group: 0, commands, ms: 1_500 })
    await until(() =>
      cluster
        .node(1)
        .status()
        .ports.some(({ waiting }) => waiting > 0),
    )
    const before = (await group.read()) as number
    // Fifteen megabytes of answers for a ring of one: the group goes on with everybody else.
    for (let i = 1; i <= 50; i++) expect((await group.propose({ add: 1 })).result).toBe(before + i)
    const ends = await standing
    const answered = ends.filter((end) => 'result' in end && end.result === echo).length
    const unread = ends.filter(
      (end) => 'code' in end && end.code === 'RESULT_UNREAD' && end.outcome === 'applied',
    ).length
    expect(answered + unread).toBe(60)
    expect(answered).toBeGreaterThan(0)
    expect(await thread.propose(0, { echo: 'fine' })).toBe('fine')
  }, 60_000)
})

test('the worker of a group is lost under load: its callers are told, nothing is executed twice, and it goes on', async () => {
  const cluster = await LocalCluster.start(3, { stateMachines: [machineUrl('tally')], timeouts: { maxRestartMs: 150 } })
  try {
    const node = cluster.node(1)
    const thread = threadOf(node)
    const named = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `${from + i}`, add: 1 }))
    let lost = 0
    for (let life = 0; life < 3; life++) {
      const from = life * 100_000
      const storm = thread.ask<End[]>({ do: 'storm', group: 0, commands: named(from, 20_000) })
      await until(() => node.status().ports.some(({ waiting }) => waiting > 0))
      await node
        .group(0)
        .read('exit!', { consistency: 'local' })
        .catch(() => undefined)
      const ends = await storm
      for (const end of ends) {
        if (!('code' in end)) continue
        expect(end).toMatchObject({ code: 'GROUP_RESTARTED' })
        lost++
      }
      // What was said to be done was done once, what is unknown at most once.
      const more = await thread.ask<End[]>({ do: 'storm', group: 0, commands: named(from + 20_000, 500) })
      expect(more.map((end) => ('result' in end ? end.result : end.code))).toEqual(more.map(() => 1))
      await until(() => node.status().groups[0]?.state === 'running')
      const sums = await Promise.all(named(from, 20_500).map(({ name }) => node.group(0).read(name)))
      ;[...ends, ...more].forEach((end, i) => {
        if ('result' in end) expect([end.result, sums[i]]).toEqual([1, 1])
        else if (end.outcome === 'unknown') expect([0, 1]).toContain(sums[i])
        else expect(sums[i]).toBe(0)
      })
    }
    expect(lost).toBeGreaterThan(0)
    await cluster.settle()
  } finally {
    await cluster.stop()
  }
}, 120_000)

test('a node that stops lets calls of ports end, and then ends them; ports opened late hear of it', async () => {
  const cluster = await LocalCluster.start(1)
  try {
    const node = cluster.node(1)
    const [quick, slow] = [threadOf(node), threadOf(node)]
    const late = node.port()
    const going = quick.propose(0, { spin: 300 })
    const hopeless = slow.ask<End[]>({ do: 'storm', group: 1, commands: [{ spin: 3_000 }, { add: 1 }] })
    await until(() => node.status().ports.filter(({ waiting }) => waiting > 0).length === 2)
    const stopped = node.stop({ graceMs: 1_000 })
    expect(() => node.port()).toThrow(expect.objectContaining({ code: 'NODE_STOPPED' }))
    expect(await going).toBe(0)
    await expect(quick.propose(0, { add: 1 })).rejects.toMatchObject({ code: 'NODE_STOPPED', outcome: 'not-applied' })
    for (const end of await hopeless) expect(end).toMatchObject({ code: 'NODE_STOPPED', outcome: 'unknown' })
    await stopped
    late.close()
  } finally {
    await cluster.stop()
  }
}, 30_000)

test('a call that was aborted keeps no thread alive, though its group never answers', async () => {
  const cluster = await LocalCluster.start(2, { timeouts: { proposeMs: 600_000 } })
  try {
    await cluster.down(2)
    const thread = threadOf(cluster.node(1))
    await expect(thread.ask({ do: 'abort', group: 0, command: { add: 1 } })).rejects.toMatchObject({ code: 'ABORTED' })
    const ended = thread.ended()
    await thread.ask({ do: 'listen no more' })
    await ended
  } finally {
    await cluster.stop()
  }
}, 30_000)

test('ports are as many as there is memory for, and come back when they are closed', async () => {
  const cluster = await LocalCluster.start(1)
  try {
    const node = cluster.node(1)
    const before = node.status().memory.maxQueueBytes
    const ports = Array.from({ length: 64 }, () => node.port())
    expect(() => node.port()).toThrow(expect.objectContaining({ code: 'TOO_MANY_PORTS' }))
    const each = (node.status().memory.maxQueueBytes - before) / 64
    expect(each).toBeGreaterThan(0)
    for (const port of ports) port.close()
    await until(() => node.status().ports.length === 0)
    await cluster.down(1)
    const bound = await cluster.up(1, { maxMemoryBytes: before + 2.5 * each })
    const two = [bound.port(), bound.port()]
    expect(() => bound.port()).toThrow(expect.objectContaining({ code: 'TOO_MANY_PORTS' }))
    for (const port of two) port.close()
  } finally {
    await cluster.stop()
  }
}, 30_000)
