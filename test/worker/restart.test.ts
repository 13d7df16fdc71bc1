import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { counterMachine } from './support/counter-machine.js'
import { NODES, TestCluster, voterOf } from './support/test-cluster.js'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'worker-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function onDisk(): TestCluster {
  return new TestCluster({
    machines: [counterMachine],
    openLog: (node, store) => new LmdbLogStore({ path: join(root, store.path), voterId: voterOf(node) }),
    tuning: { valueCacheBytes: 2000 },
  })
}

test('a stopped node comes back with the same state and digest, replaying its log, and answers nobody twice', () => {
  const cluster = onDisk()
  for (let k = 0; k < 120; k++) {
    cluster.host(2).propose(0, { add: 1 })
    cluster.turnAll()
  }
  cluster.run(() => cluster.host(2).replies.length === 120)
  cluster.runFor(500)
  const before = cluster.host(2).statuses.get(0)
  expect(before?.executedUpTo).toBeGreaterThan(20)
  for (const node of NODES) {
    cluster.host(node).stop()
    cluster.turn(node)
    cluster.round(node).finish()
    cluster.host(node).pump(cluster.nowMs)
    expect(cluster.host(node).statuses.get(0)?.state).toBe('stopped')
  }
  for (const node of NODES) cluster.start(node)
  cluster.run(() => NODES.every((node) => cluster.host(node).statuses.get(0)?.executedUpTo === before?.executedUpTo))
  for (const node of NODES) {
    expect(cluster.host(node).statuses.get(0)).toMatchObject({ digest: before?.digest, chain: before?.chain })
    expect(cluster.host(node).replies).toEqual([])
  }
  cluster.host(2).propose(0, { add: 1 })
  cluster.run(() => cluster.host(2).replies.length === 1)
  expect(cluster.host(2).replies[0]?.result).toBe(121)
  for (const node of NODES) cluster.round(node).finish()
})

test('a node without its groups, where they were made before, is damaged and does not vote', () => {
  const cluster = new TestCluster({ machines: [counterMachine], createGroups: [] })
  cluster.host(1).propose(0, { add: 1 })
  cluster.runFor(50)
  expect(cluster.host(1).events[0]).toMatchObject({ group: 0, event: { kind: 'alarm', code: 'GROUP_DAMAGED' } })
  expect(cluster.host(1).statuses.get(0)?.state).toBe('failed')
  expect(cluster.host(1).ended).toEqual([{ group: 0, sequence: 1, count: 1, outcome: 'unproposed' }])
  expect(cluster.host(1).records).not.toContain('send')
})
