import { expect, test } from '@jest/globals'
import { defineStateMachine } from '../../src/state-machine/contract.js'
import { type Add, counterMachine } from './support/counter-machine.js'
import { NODES, TestCluster } from './support/test-cluster.js'

/** toEqual would visit each of the bytes. */
const isSame = (got: unknown, wanted: Uint8Array) => Buffer.compare(got as Uint8Array, wanted) === 0

test('a message that is delivered twice, and commands proposed twice, take effect once', () => {
  const cluster = new TestCluster({ machines: [counterMachine] })
  cluster.copies = 2
  for (let k = 0; k < 50; k++) for (const node of NODES) cluster.host(node).propose(0, { add: 1 })
  cluster.run(() => NODES.every((node) => cluster.host(node).replies.length === 50))
  const results = NODES.flatMap((node) => cluster.host(node).replies.map((reply) => reply.result as number))
  expect(Math.max(...results)).toBe(150)
  expect(new Set(results).size).toBe(150)
})

test('commands, results and answers larger than a record of the rings arrive whole', () => {
  const echo = defineStateMachine({
    id: 1,
    codec: 'bytes',
    create: () => ({ last: new Uint8Array(0) }),
    execute(state, command: Uint8Array) {
      state.last = command.slice()
      return command
    },
    query: (state) => state.last,
  })
  const cluster = new TestCluster({ machines: [echo] })
  const large = new Uint8Array(1_500_000).map((_, i) => i * 31)
  for (const node of NODES) cluster.host(node).propose(0, large)
  cluster.run(() => NODES.every((node) => cluster.host(node).replies.length === 1))
  for (const node of NODES) expect(isSame(cluster.host(node).replies[0]?.result, large)).toBe(true)
  cluster.host(3).read(0, 1, new Uint8Array(0))
  cluster.run(() => cluster.host(3).reads.length === 1)
  expect(isSame(cluster.host(3).reads[0]?.result, large)).toBe(true)
})

test('a slow machine is cut off by its budget: votes go on, and a run is answered in parts', () => {
  const cluster = new TestCluster({ machines: [], limits: { executionBudgetMs: 20 } })
  const slow = defineStateMachine({
    id: 1,
    create: () => ({ total: 0 }),
    execute(state, command: Add) {
      cluster.nowMs += 8
      state.total += command.add
      return state.total
    },
  })
  cluster.start(1, [slow])
  for (const node of [2, 3]) cluster.start(node, [counterMachine])
  for (let k = 0; k < 20; k++) cluster.host(1).propose(0, { add: 1 })
  const perRound: number[] = []
  cluster.run(() => {
    const before = cluster.host(1).replies.length
    cluster.turnAll()
    const answered = cluster.host(1).replies.length - before
    if (answered > 0) perRound.push(answered)
    return cluster.host(1).replies.length === 20
  })
  expect(Math.max(...perRound)).toBeLessThan(6)
  expect(cluster.host(1).replies.map((reply) => reply.result)).toEqual(Array.from({ length: 20 }, (_, k) => k + 1))
  expect(cluster.host(1).replies.map((reply) => reply.index)).toEqual(Array.from({ length: 20 }, (_, k) => k))
})

test('commands beyond the bound wait outside of the core, and then in the ring; all are answered', () => {
  const cluster = new TestCluster({ machines: [counterMachine], limits: { maxWaitingBytes: 2000 } })
  let unread = 0
  for (let k = 0; k < 1000; k++) {
    cluster.host(1).propose(0, { add: 1 })
    if (k % 100 !== 99) continue
    cluster.turnAll()
    unread = Math.max(unread, cluster.host(1).unreadCommandBytes)
  }
  expect(unread).toBeGreaterThan(0)
  cluster.run(() => cluster.host(1).replies.length === 1000)
  expect(cluster.host(1).replies.at(-1)?.result).toBe(1000)
  cluster.runFor(200)
  expect(cluster.host(1).statuses.get(0)?.waitingBytes).toBe(0)
})

test('rounds of an idle worker say nothing and want nothing', () => {
  const cluster = new TestCluster({ machines: [counterMachine] })
  cluster.host(1).propose(0, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 1)
  cluster.runFor(10_000)
  for (const node of NODES) cluster.host(node).records.length = 0
  cluster.runFor(5_000)
  for (const node of NODES) {
    expect(cluster.host(node).records).toEqual([])
    expect(cluster.turn(node)).toBe(false)
    expect(cluster.round(node).parkMs()).toBe(Number.POSITIVE_INFINITY)
  }
})

test('what a command looks like decides its outcome on all nodes alike', () => {
  const cluster = new TestCluster({ machines: [counterMachine] })
  cluster.host(2).propose(0, { add: 3 }, 9)
  cluster.host(2).propose(0, { add: 0 })
  cluster.host(2).proposeRaw(0, 1, Uint8Array.of(0xff, 0xff))
  cluster.run(() => cluster.host(2).replies.length === 3)
  expect(cluster.host(2).replies.map(({ status, result }) => [status, result])).toEqual([
    [1, 'no state machine 9'],
    [1, 'nothing to add'],
    [1, 'the payload cannot be decoded'],
  ])
  cluster.runFor(300)
  expect(new Set(NODES.map((node) => cluster.host(node).statuses.get(0)?.digest)).size).toBe(1)
})
