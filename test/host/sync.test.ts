import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { PaxosError } from '../../src/host/paxos-error.js'
import { SyncSwitch } from '../../src/host/sync-switch.js'
import type { PaxosNode } from '../../src/index.js'
import { logPath } from '../../src/store/data-layout.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { LocalCluster } from './local-cluster.js'

const images = mkdtempSync(join(tmpdir(), 'sync-images-'))
afterAll(() => rmSync(images, { recursive: true }))
let count = 0

/** What each of the two stores of a node would say if the machine stopped now: how far its votes go, or that it may have lost some. */
function afterPowerCut(cluster: LocalCluster, node: PaxosNode): string[] {
  const { dataDir } = cluster.options(node.nodeId)
  const { voterId } = node.status()
  return [0, 1].map((store) => {
    const path = join(images, `image-${++count}`)
    cpSync(logPath(dataDir, store), path, { recursive: true })
    rmSync(join(path, 'lock.mdb'), { force: true })
    try {
      const log = new LmdbLogStore({ path, voterId, bootId: 'another one' })
      const lastAccepted = log.load(store)?.head.lastAccepted
      log.close()
      return lastAccepted === node.status().groups[store]?.lastAccepted ? 'all there' : `up to ${lastAccepted}`
    } catch (error) {
      return (error as { code: string }).code
    }
  })
}

describe('a node', () => {
  let cluster: LocalCluster
  beforeEach(async () => {
    cluster = await LocalCluster.start(1, { stores: 2, threads: 2, sync: { intervalMs: 50 } })
  })
  afterEach(() => cluster.stop())

  const work = async () => {
    for (const group of [0, 1]) for (let i = 0; i < 5; i++) await cluster.node(1).group(group).propose({ add: 1 })
    // What the status says is up to 100 ms old.
    await cluster.settle()
    await new Promise((resolve) => setTimeout(resolve, 250))
  }

  test('is relaxed from its start on, becomes strict and relaxed again while it works, and says so when it did', async () => {
    const node = cluster.node(1)
    await work()
    expect(afterPowerCut(cluster, node)).toEqual(['STORE_DAMAGED', 'STORE_DAMAGED'])
    await node.setSync('always')
    expect(afterPowerCut(cluster, node)).toEqual(['all there', 'all there'])
    await work()
    expect(afterPowerCut(cluster, node)).toEqual(['all there', 'all there'])
    await node.setSync('never')
    expect(afterPowerCut(cluster, node)).toEqual(['STORE_DAMAGED', 'STORE_DAMAGED'])
    await Promise.all([node.setSync('never'), node.setSync({ intervalMs: 20 }), node.setSync('always')])
    expect(afterPowerCut(cluster, node)).toEqual(['all there', 'all there'])
    await expect(node.setSync('sometimes' as 'never')).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await node.setSync('never')
    await work()
    await cluster.down(1)
    // Closed in order it is like any other.
    expect(afterPowerCut(cluster, node)).toEqual(['all there', 'all there'])
    await expect(node.setSync('always')).rejects.toMatchObject({ code: 'NODE_STOPPED' })
    await cluster.up(1)
    expect(await cluster.node(1).group(0).read()).toBe(15)
  })
})

describe('a change of mode', () => {
  const ended = async (promise: Promise<void>) => {
    let end = 'waits'
    promise.then(
      () => {
        end = 'done'
      },
      (error) => {
        end = error.code
      },
    )
    await new Promise((resolve) => setImmediate(resolve))
    return end
  }
  const failure = new PaxosError('DISK_FULL', 'full')

  test('waits for all workers, and an answer to a later one is one to it', async () => {
    const sent: string[] = []
    const change = new SyncSwitch(
      'always',
      ['a', 'b'],
      (slot, { mode, asked }) => void sent.push(`${slot}${asked} ${mode}`),
    )
    const first = change.set('never')
    const second = change.set('always')
    change.answered('a', 1, undefined)
    expect(await ended(first)).toBe('waits')
    // A life that begins is asked again if the last one has not answered.
    change.began('b')
    expect(sent).toEqual(['a1 never', 'b1 never', 'a2 always', 'b2 always', 'b2 always'])
    change.answered('b', 2, undefined)
    expect(await ended(first)).toBe('done')
    expect(await ended(second)).toBe('waits')
    change.answered('a', 2, undefined)
    expect(await ended(second)).toBe('done')
    change.began('a')
    expect(sent).toHaveLength(5)
    expect(change.mode).toBe('always')
  })

  test('fails with what a store has failed with, once all have answered, and with the end of the node', async () => {
    const change = new SyncSwitch('always', ['a', 'b'], () => undefined)
    const failing = change.set('never')
    change.answered('a', 1, failure)
    expect(await ended(failing)).toBe('waits')
    change.answered('b', 1, undefined)
    expect(await ended(failing)).toBe('DISK_FULL')
    const last = change.set('always')
    change.endAll(new PaxosError('NODE_STOPPED', 'stopped'))
    expect(await ended(last)).toBe('NODE_STOPPED')
  })
})
