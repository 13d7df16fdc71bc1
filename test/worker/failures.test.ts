import { expect, test } from '@jest/globals'
import type { NodeId } from '../../src/base/numbers.js'
import { encodedSize, encodeMessage } from '../../src/codec/messages.js'
import type { WorkerStore } from '../../src/codec/worker-task.js'
import { Group } from '../../src/core/group.js'
import { defineStateMachine } from '../../src/state-machine/contract.js'
import type { LogStore } from '../../src/store/log-store.js'
import { MemoryLogStore } from '../../src/store/memory-log-store.js'
import { StoreError } from '../../src/store/store-error.js'
import { type Add, counterMachine } from './support/counter-machine.js'
import { NODES, TestCluster } from './support/test-cluster.js'

test('a machine that throws is rebuilt from the log; the node goes on voting, its callers hear of it once', () => {
  let broken = true
  const fragile = defineStateMachine({
    id: 1,
    create: () => ({ total: 0 }),
    execute(state, command: Add) {
      state.total += command.add
      if (command.add === 13 && broken) throw new Error('a defect')
      return state.total
    },
    query: (state) => state.total,
  })
  const cluster = new TestCluster({ machines: [counterMachine] })
  cluster.start(1, [fragile])
  cluster.host(1).propose(0, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 1)
  cluster.host(1).propose(0, { add: 13 })
  cluster.run(() => cluster.host(1).ended.length === 1)
  const { event } = cluster.host(1).events.at(-1) ?? {}
  expect(event).toMatchObject({ kind: 'alarm', code: 'EXECUTE_FAILED', fields: { machine: 1, index: 0 } })
  expect(JSON.stringify(event)).toContain('a defect')
  expect(cluster.host(1).ended[0]).toMatchObject({ sequence: 2, outcome: 'restarted' })
  expect(cluster.host(1).statuses.get(0)?.state).toBe('restarting')

  // With node 3 gone, the others need the vote of node 1.
  cluster.cut.add(3)
  cluster.host(2).propose(0, { add: 4 })
  cluster.run(() => cluster.host(2).replies.length === 1)
  expect(cluster.host(2).replies[0]?.result).toBe(18)

  broken = false
  cluster.run(() => cluster.host(1).statuses.get(0)?.state === 'running', 5000)
  cluster.host(1).propose(0, { add: 2 })
  cluster.run(() => cluster.host(1).replies.length === 2)
  expect(cluster.host(1).replies[1]?.result).toBe(20)
  expect(cluster.host(1).ended).toHaveLength(1)
})

test('a machine that keeps throwing is tried again after 1, 2, 4 s', () => {
  const hopeless = defineStateMachine({
    id: 1,
    create: () => ({}),
    execute: () => {
      throw new Error('always')
    },
  })
  const cluster = new TestCluster({ machines: [counterMachine] })
  cluster.start(1, [hopeless])
  const failedAt: number[] = []
  cluster.host(2).propose(0, { add: 1 })
  const limit = cluster.nowMs + 9000
  cluster.run(() => {
    const failures = cluster.host(1).events.filter(({ event }) => event.kind === 'alarm').length
    if (failures > failedAt.length) failedAt.push(cluster.nowMs)
    return cluster.nowMs > limit
  })
  const gaps = failedAt.slice(1).map((at, k) => at - (failedAt[k] as number))
  expect(gaps).toEqual([1001, 2001, 4001].map((gap) => expect.closeTo(gap, -1)))
})

test('a commit that fails silences the groups of its store, and no others', () => {
  const cluster = new TestCluster({ machines: [counterMachine], stores: [[0, 1], [2]] })
  for (const group of [0, 1, 2]) cluster.host(1).propose(group, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 3)
  cluster.memory('node-1/store-0').failNextCommit()
  for (const group of [0, 1, 2]) cluster.host(1).propose(group, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 4)
  cluster.runFor(200)
  const codes = cluster.host(1).events.map(({ group, event }) => [group, event.kind === 'alarm' && event.code])
  expect(codes).toEqual([
    [0, 'STORAGE_FAILED'],
    [1, 'STORAGE_FAILED'],
  ])
  const states = [0, 1, 2].map((group) => cluster.host(1).statuses.get(group)?.state)
  expect(states).toEqual(['failed', 'failed', 'running'])
  expect(cluster.host(1).ended.map(({ group, outcome }) => [group, outcome])).toEqual([
    [0, 'restarted'],
    [1, 'restarted'],
  ])
  // The others form a majority without it, and it never casts a vote again.
  cluster.host(1).votes.length = 0
  for (const group of [0, 1]) cluster.host(2).propose(group, { add: 1 })
  cluster.run(() => cluster.host(2).replies.length === 2)
  expect(cluster.host(1).votes.filter((group) => group !== 2)).toEqual([])
})

test('a read for a peer that fails is the failure of the store, and no damage to a record', () => {
  let failing = false
  const openLog = (_node: NodeId, { path }: WorkerStore, cluster: TestCluster): LogStore => {
    const log = cluster.memoryLog(path)
    log.read = (...asked) => {
      if (failing) throw new StoreError('STORAGE_FAILED', 'the disk does not answer', { path })
      return MemoryLogStore.prototype.read.apply(log, asked)
    }
    return log
  }
  const cluster = new TestCluster({ machines: [counterMachine], openLog })
  cluster.cut.add(3)
  cluster.host(1).propose(0, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 1)
  failing = true
  cluster.cut.clear()
  const told = () => [1, 2].flatMap((node) => cluster.host(node).events.map(({ event }) => event))
  cluster.host(3).propose(0, { add: 1 })
  cluster.run(() => told().length > 0)
  cluster.runFor(50)
  for (const event of told()) expect(event).toMatchObject({ kind: 'alarm', code: 'STORAGE_FAILED' })
})

test('after a full disk the store is opened again by itself', () => {
  const cluster = new TestCluster({ machines: [counterMachine] })
  cluster.host(1).propose(0, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 1)
  cluster.memory('node-1/store-0').failNextCommit('DISK_FULL')
  cluster.host(1).propose(0, { add: 1 })
  cluster.run(() => cluster.host(1).statuses.get(0)?.state === 'failed')
  cluster.run(() => cluster.host(1).statuses.get(0)?.state === 'running', 3000)
  cluster.host(1).propose(0, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 2)
})

test('a broken invariant stops its group alone', () => {
  const cluster = new TestCluster({ machines: [counterMachine], stores: [[0, 1]] })
  const { step } = Group.prototype
  let broken = 0
  Group.prototype.step = function (this: Group, input, now, effects) {
    if (input.kind === 'read' && broken++ === 0) throw new Error('an invariant')
    step.call(this, input, now, effects)
  }
  try {
    cluster.host(1).read(0, 1, null)
    cluster.turn(1)
  } finally {
    Group.prototype.step = step
  }
  expect(cluster.host(1).reads).toEqual([{ token: 1, outcome: 'restarted', status: 0, result: undefined }])
  expect(cluster.host(1).events[0]).toMatchObject({ group: 0, event: { code: 'GROUP_FAILED' } })
  for (const group of [0, 1]) cluster.host(2).propose(group, { add: 1 })
  cluster.host(1).propose(1, { add: 1 })
  cluster.run(() => cluster.host(2).replies.length === 2 && cluster.host(1).replies.length === 1)
  cluster.runFor(200)
  expect(NODES.map((node) => cluster.host(node).statuses.get(0)?.state)).toEqual(['failed', 'running', 'running'])
})

test('a node that a majority contradicts stops that group alone, and votes in it no more', () => {
  const cluster = new TestCluster({ machines: [counterMachine], stores: [[0, 1]] })
  for (const group of [0, 1]) cluster.host(2).propose(group, { add: 1 })
  cluster.run(() => cluster.host(2).replies.length === 2)
  cluster.runFor(200)
  const { chosenUpTo = 0, chain = 0 } = cluster.host(1).statuses.get(0) ?? {}
  expect(chosenUpTo).toBeGreaterThan(0)
  const other = { kind: 'status', chosenUpTo, lastAccepted: chosenUpTo, chain: chain ^ 1, leader: 0 } as const
  const bytes = new Uint8Array(encodedSize(other))
  encodeMessage(other, bytes, 0)

  cluster.host(1).message(0, 2, bytes)
  cluster.runFor(200)
  expect(cluster.host(1).events.at(-1)).toMatchObject({ group: 0, event: { code: 'CHAIN_MISMATCH' } })
  expect(cluster.host(1).statuses.get(0)?.state).toBe('running')

  cluster.host(1).message(0, 3, bytes)
  cluster.run(() => cluster.host(1).statuses.get(0)?.state === 'failed')
  expect(cluster.host(1).events.map(({ event }) => event)).toContainEqual(
    expect.objectContaining({ code: 'CONTRADICTED' }),
  )
  cluster.host(1).votes.length = 0
  for (const group of [0, 1]) cluster.host(2).propose(group, { add: 1 })
  cluster.run(() => cluster.host(2).replies.length === 4)
  expect(cluster.host(1).votes).not.toContain(0)
  expect(cluster.host(1).statuses.get(1)?.state).toBe('running')
})
