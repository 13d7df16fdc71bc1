import { beforeEach, expect, test } from '@jest/globals'
import type { NodeId } from '../../src/base/numbers.js'
import { StoreError } from '../../src/store/store-error.js'
import { counterMachine } from './support/counter-machine.js'
import { storedTally, tallied } from './support/stored-tally.js'
import { NODES, TestCluster } from './support/test-cluster.js'

beforeEach(() => {
  tallied.commands = 0
})

const STATE_MS = 1500
const stateOf = (cluster: TestCluster, node: NodeId) => cluster.openState(`node-${node}/store-0-state`)
const executed = (cluster: TestCluster, node: NodeId) => cluster.host(node).statuses.get(0)?.executedUpTo ?? 0

function add(cluster: TestCluster, count: number, node: NodeId = 1): void {
  const { replies } = cluster.host(node)
  const before = replies.length
  for (let k = 0; k < count; k++) cluster.host(node).propose(0, { name: `k${k % 7}`, add: 1 })
  cluster.run(() => replies.length === before + count)
}

function asked(cluster: TestCluster, node: NodeId, name: string): unknown {
  const { reads } = cluster.host(node)
  const token = reads.length + 1
  cluster.host(node).read(0, token, name)
  cluster.run(() => reads.length === token)
  return reads.at(-1)
}

function settled(cluster: TestCluster): void {
  cluster.runFor(STATE_MS)
  const [first] = NODES.map((node) => cluster.host(node).statuses.get(0))
  for (const node of NODES) {
    const { executedUpTo, digest, chain } = cluster.host(node).statuses.get(0) ?? {}
    expect({ executedUpTo, digest, chain }).toEqual({
      executedUpTo: first?.executedUpTo,
      digest: first?.digest,
      chain: first?.chain,
    })
  }
}

test('a query sees what was executed last, before any of it is committed, and after', () => {
  const cluster = new TestCluster({ machines: [storedTally] })
  add(cluster, 14)
  expect(asked(cluster, 1, 'k0')).toMatchObject({ outcome: 'answered', result: 2 })
  expect(stateOf(cluster, 1).load(0)).toBeUndefined()
  settled(cluster)
  expect(stateOf(cluster, 1).load(0)?.executedUpTo).toBe(executed(cluster, 1))
  expect(asked(cluster, 2, 'k0')).toMatchObject({ outcome: 'answered', result: 2 })
})

test('a restarted node executes only what came after its last commit of the state', () => {
  const cluster = new TestCluster({ machines: [storedTally] })
  add(cluster, 70)
  settled(cluster)
  const keptAt = stateOf(cluster, 2).load(0)?.executedUpTo
  add(cluster, 7)
  const before = tallied.commands
  cluster.start(2)
  cluster.run(() => executed(cluster, 2) >= executed(cluster, 1))
  expect(keptAt).toBeGreaterThan(0)
  expect(tallied.commands - before).toBeLessThanOrEqual(7)
  expect(asked(cluster, 2, 'k0')).toMatchObject({ result: 11 })
  settled(cluster)
  add(cluster, 7, 2)
  expect(asked(cluster, 2, 'k0')).toMatchObject({ result: 12 })
  settled(cluster)
})

test('sessions are kept with the state: what was executed before a restart is not executed again', () => {
  const cluster = new TestCluster({ machines: [storedTally] })
  cluster.copies = 2
  add(cluster, 35)
  settled(cluster)
  for (const node of NODES) cluster.start(node)
  add(cluster, 7, 3)
  for (const node of NODES) expect(asked(cluster, node, 'k0')).toMatchObject({ result: 6 })
  settled(cluster)
})

test('the state is committed by bytes, while the load goes on', () => {
  const cluster = new TestCluster({ machines: [storedTally], state: { commitBytes: 20 } })
  add(cluster, 50)
  expect(stateOf(cluster, 1).load(0)?.executedUpTo).toBeGreaterThan(0)
})

test('the log knows what is chosen before the state stands there', () => {
  const cluster = new TestCluster({ machines: [storedTally], state: { commitBytes: 10 } })
  for (let round = 0; round < 20; round++) {
    add(cluster, 5)
    for (const node of NODES) {
      const head = cluster.memory(`node-${node}/store-0`).image().load(0)?.head
      const state = cluster.openState(`node-${node}/store-0-state`).image().load(0)
      expect(state?.executedUpTo ?? 0).toBeLessThanOrEqual(head?.chosenUpTo ?? 0)
    }
  }
})

test('a command that is refused, or fails, leaves no trace', () => {
  const cluster = new TestCluster({ machines: [storedTally] })
  add(cluster, 7)
  cluster.host(1).propose(0, { name: 'k0', add: 0 })
  cluster.run(() => cluster.host(1).replies.length === 8)
  expect(cluster.host(1).replies.at(-1)).toMatchObject({ status: 1, result: 'nothing to add' })
  cluster.host(1).propose(0, { name: 'k0', add: 13 })
  cluster.run(() => cluster.host(1).statuses.get(0)?.state === 'restarting')
  for (const node of NODES)
    cluster.start(node, [
      {
        ...storedTally,
        execute: (state, command) => {
          const { name, add: amount } = command as { name: string; add: number }
          const sum = ((state.get(name) as number | undefined) ?? 0) + amount
          if (amount > 0) state.put(name, sum)
          return sum
        },
      },
    ])
  cluster.run(() =>
    NODES.every((node) => executed(cluster, node) === executed(cluster, 1) && executed(cluster, node) > 0),
  )
  cluster.runFor(STATE_MS)
  expect(asked(cluster, 1, 'k0')).toMatchObject({ result: 14 })
})

test('a state that cannot be proven is dropped, told of, and executed again from the log; votes go on', () => {
  const cluster = new TestCluster({ machines: [storedTally] })
  add(cluster, 21)
  settled(cluster)
  cluster.start(2)
  cluster.runFor(100)
  stateOf(cluster, 2).damageEntry(0, 1, Buffer.from('k0'))
  cluster.host(2).read(0, 1, 'k0', 'local')
  cluster.run(() => cluster.host(2).reads.length === 1)
  expect(cluster.host(2).reads[0]).toMatchObject({ outcome: 'restarted' })
  expect(cluster.host(2).events).toContainEqual({
    group: 0,
    event: expect.objectContaining({ kind: 'alarm', code: 'STATE_DAMAGED' }),
  })
  add(cluster, 7)
  cluster.run(() => executed(cluster, 2) >= executed(cluster, 1))
  expect(asked(cluster, 2, 'k0')).toMatchObject({ outcome: 'answered', result: 4 })
  settled(cluster)
})

test('a state environment that is damaged as a whole is set aside, and no group of it stops to vote', () => {
  const cluster = new TestCluster({ machines: [storedTally], stores: [[0, 1]] })
  add(cluster, 21)
  settled(cluster)
  const { path } = stateOf(cluster, 2)
  const damaged = () => {
    throw new StoreError('STORE_DAMAGED', 'an index page is none', { path })
  }
  stateOf(cluster, 2).commit = damaged
  add(cluster, 7)
  cluster.runFor(STATE_MS)
  expect(cluster.host(2).events.map(({ event }) => (event.kind === 'alarm' ? event.code : ''))).toEqual([
    'STATE_DAMAGED',
  ])
  expect(cluster.host(2).statuses.get(0)?.state).toBe('running')
  expect(asked(cluster, 2, 'k0')).toMatchObject({ outcome: 'answered', result: 4 })
  settled(cluster)
  stateOf(cluster, 2).get = damaged
  cluster.start(3)
  cluster.host(2).read(0, 99, 'k9', 'local')
  cluster.runFor(STATE_MS)
  expect(asked(cluster, 2, 'k0')).toMatchObject({ outcome: 'answered', result: 4 })
  settled(cluster)
})

test('a state ahead of its log means that the log is an older one: the group does not vote', () => {
  const cluster = new TestCluster({ machines: [storedTally] })
  add(cluster, 21)
  settled(cluster)
  stateOf(cluster, 3).commit([
    {
      group: 0,
      position: { executedUpTo: 1_000, chain: 0, digest: 0, builtIn: new Uint8Array(0) },
      changes: new Map(),
    },
  ])
  cluster.start(3)
  cluster.runFor(50)
  expect(cluster.host(3).events).toContainEqual({
    group: 0,
    event: expect.objectContaining({ kind: 'alarm', code: 'GROUP_DAMAGED' }),
  })
  expect(cluster.host(3).statuses.get(0)?.state).toBe('failed')
})

test('a state that cannot be written stops the groups of its store', () => {
  const cluster = new TestCluster({ machines: [storedTally] })
  add(cluster, 7)
  stateOf(cluster, 2).failNextCommit('STORAGE_FAILED')
  cluster.runFor(STATE_MS)
  expect(cluster.host(2).statuses.get(0)?.state).toBe('failed')
  expect(cluster.host(2).events).toContainEqual({
    group: 0,
    event: expect.objectContaining({ kind: 'alarm', code: 'STORAGE_FAILED' }),
  })
  add(cluster, 7)
})

test('a thread with nothing to do sleeps, whatever befell its groups', () => {
  const sleeps = (cluster: TestCluster, node: NodeId) => {
    for (let k = 0; k < 3; k++) cluster.turn(node)
    expect(cluster.round(node).parkMs()).toBeGreaterThan(0)
  }
  const policy = { checkpoints: { everyInstances: 10, everyBytes: 1, everyMs: 500, keep: 1 } }
  for (const machine of [storedTally, counterMachine]) {
    const cluster = new TestCluster({ machines: [machine], ...policy })
    cluster.host(1).propose(0, { name: 'k', add: 1 })
    cluster.runFor(5_000)
    for (const node of NODES) sleeps(cluster, node)
    cluster.host(1).propose(0, { name: 'k', add: 13 })
    cluster.runFor(100)
    for (const node of NODES) sleeps(cluster, node)
    cluster.memory('node-2/store-0').failNextCommit()
    cluster.host(1).propose(0, { name: 'k', add: 1 })
    cluster.runFor(5_000)
    for (const node of NODES) sleeps(cluster, node)
  }
})
