import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { valueCodec } from '../../src/codec/commands.js'
import { decodeHead, encodeHead } from '../../src/codec/head.js'
import type { DurableState, Head, LogRecord } from '../../src/core/durable.js'
import type { Logger, PaxosOptions } from '../../src/index.js'
import { logPath, manifestPath } from '../../src/store/data-layout.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { headKey, KEY_BYTES, recordKey } from '../../src/store/log-keys.js'
import { editRaw, flipBit } from '../store/support/raw-environment.js'
import { LocalCluster, until } from './local-cluster.js'

const COMMANDS = 40
const HURT = 3

/** Keeps the codes of what a node logs: an alarm of the start is over before anybody can listen. */
class CodeLog implements Logger {
  readonly errors: string[] = []
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(fields: unknown): void {
    this.errors.push(String((fields as { code?: unknown }).code))
  }
}

const key = new Uint8Array(KEY_BYTES)
let cluster: LocalCluster
beforeEach(async () => {
  cluster = await LocalCluster.start(3)
  for (let i = 0; i < COMMANDS; i++) await cluster.node(1).group(0).propose({ add: 1 })
  await cluster.node(1).group(1).propose({ add: 7 })
  await cluster.settle()
})
afterEach(() => cluster.stop())

function dataDir(): string {
  return cluster.options(HURT).dataDir
}

async function value(nodeId: number, group: number): Promise<unknown> {
  return cluster.node(nodeId).group(group).read(undefined, { consistency: 'local' })
}

/** Stops the node, does something to its files, and starts it again. */
async function hurt(how: () => void): Promise<CodeLog> {
  await cluster.down(HURT)
  how()
  return restarted()
}

async function restarted(changes: Partial<PaxosOptions> = {}): Promise<CodeLog> {
  const log = new CodeLog()
  await cluster.up(HURT, { logger: log, ...changes })
  return log
}

describe('a damaged chosen record', () => {
  test.each([
    ['unreadable', (path: string) => flipBit(path, recordKey(key, 0, 10), 500)],
    ['missing', (path: string) => editRaw(path, ({ remove }) => remove(recordKey(key, 0, 10)))],
    [
      'one of several in a row',
      (path: string) => {
        for (const instance of [1, 2, 3, 20, 21]) flipBit(path, recordKey(key, 0, instance), 300)
      },
    ],
  ])(
    '%s: it is learned again from a peer, and written',
    async (_name, damage) => {
      const log = await hurt(() => damage(logPath(dataDir(), 0)))
      await cluster.settle()
      expect(await value(HURT, 0)).toBe(COMMANDS)
      expect(new Set(log.errors)).toEqual(new Set(['RECORD_DAMAGED']))
      expect(cluster.node(HURT).status().isVoter).toBe(true)
      // From the own disk this time.
      await cluster.down(HURT)
      const again = await restarted()
      await cluster.settle()
      expect(await value(HURT, 0)).toBe(COMMANDS)
      expect(again.errors).toEqual([])
    },
    60_000,
  )

  test('with no peer in reach execution waits for one, and the other groups go on', async () => {
    await Promise.all([1, 2].map((id) => cluster.down(id)))
    await hurt(() => flipBit(logPath(dataDir(), 0), recordKey(key, 0, 10), 500))
    await until(async () => (await value(HURT, 1)) === 7)
    expect(await value(HURT, 0)).toBeLessThan(COMMANDS)
    await Promise.all([1, 2].map((id) => cluster.up(id)))
    await cluster.settle()
    expect(await value(HURT, 0)).toBe(COMMANDS)
  }, 60_000)
})

describe('damage to what a vote depends on ends the voter', () => {
  test.each<[string, string, () => void]>([
    ['a head', 'GROUP_DAMAGED', () => damageHead(0)],
    ['a record of the accepted tail', 'GROUP_DAMAGED', () => damageTail()],
    ['the manifest', 'MANIFEST_DAMAGED', () => writeFileSync(manifestPath(dataDir()), 'nothing')],
    ['a missing manifest', 'MANIFEST_DAMAGED', () => rmSync(manifestPath(dataDir()))],
    ['a missing store', 'GROUP_DAMAGED', () => rmSync(join(dataDir(), 'store-0001'), { recursive: true })],
    ['index pages', 'STORE_DAMAGED', () => truncateSync(join(logPath(dataDir(), 0), 'data.mdb'), 8192)],
  ])(
    '%s',
    async (_name, code, damage) => {
      const voter = cluster.node(HURT).status().voterId
      const log = await hurt(damage)
      expect(log.errors).toContain(code)
      expect(log.errors).toContain('VOTER_UNKNOWN')
      const status = cluster.node(HURT).status()
      expect(status.isVoter).toBe(false)
      expect(status.voterId).not.toBe(voter)
      // It follows, and serves.
      await cluster.node(HURT).group(0).propose({ add: 1 })
      await cluster.settle()
      expect(await value(HURT, 0)).toBe(COMMANDS + 1)
      expect(await value(HURT, 1)).toBe(7)
      // The files are kept, and the next start is an ordinary one.
      expect(existsSync(join(dataDir(), 'damaged-1'))).toBe(true)
      await cluster.down(HURT)
      const again = await restarted()
      expect(again.errors).toEqual(['VOTER_UNKNOWN'])
      expect(existsSync(join(dataDir(), 'damaged-2'))).toBe(false)
      await cluster.settle()
    },
    60_000,
  )

  test('told while the node starts, before its groups say that they have failed: already this start', async () => {
    const { voterId } = cluster.node(HURT).status()
    await cluster.down(HURT)
    const workerUrl = new URL('../support/early-damage-worker.js', import.meta.url)
    const log = await restarted({ testing: { workerUrl } })
    expect(log.errors).toContain('STORE_DAMAGED')
    expect(cluster.node(HURT).status()).toMatchObject({ isVoter: false })
    expect(cluster.node(HURT).status().voterId).not.toBe(voterId)
    expect(existsSync(join(dataDir(), 'damaged-1'))).toBe(true)
    await cluster.settle()
  }, 60_000)

  test('a cluster that has lost everything is not born again in silence', async () => {
    await Promise.all([1, 2, 3].map((id) => cluster.down(id)))
    for (const id of [1, 2, 3]) writeFileSync(manifestPath(cluster.options(id).dataDir), '{')
    const ends = await Promise.allSettled([1, 2, 3].map((id) => cluster.up(id, { timeouts: { birthMs: 1_500 } })))
    for (const end of ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'NOT_BORN' } })
      expect((end as PromiseRejectedResult).reason.message).toMatch(/damaged and set aside/)
    }
  }, 60_000)
})

test('a node that a majority contradicts stops that group, keeps its files, and goes on with the others', async () => {
  const { voterId } = cluster.node(HURT).status()
  const log = await hurt(() => changeValue(voterId))
  await until(() => cluster.node(HURT).status().groups[0]?.state === 'failed')
  expect(log.errors).toEqual(expect.arrayContaining(['CHAIN_MISMATCH', 'CONTRADICTED']))
  expect(cluster.node(HURT).status().groups[0]?.failure?.code).toBe('GROUP_FAILED')
  await cluster.node(HURT).group(1).propose({ add: 1 })
  expect(await value(HURT, 1)).toBe(8)
  // The other two are a majority, and know who is wrong.
  await cluster.node(1).group(0).propose({ add: 1 })
  await until(() => cluster.alarms.some(({ node, code }) => node === 1 && code === 'CHAIN_MISMATCH'))
  expect(cluster.alarms.some(({ node, code }) => node !== HURT && code === 'CONTRADICTED')).toBe(false)
  expect(existsSync(join(dataDir(), 'damaged-1'))).toBe(false)
}, 60_000)

function damageHead(group: number): void {
  const path = logPath(dataDir(), group)
  flipBit(path, headKey(key, group, 0), 200)
  flipBit(path, headKey(key, group, 1), 90)
}

/** A head that speaks of one accepted record more than there is: as if that one had vanished from the index. */
function damageTail(): void {
  changeHead((head) => ({ ...head, lastAccepted: head.lastAccepted + 1 }))
}

/** Both copies of the head of group 0, with checksums that fit. */
function changeHead(change: (head: Head) => Head): void {
  editRaw(logPath(dataDir(), 0), ({ get, put }) => {
    for (const copy of [0, 1] as const) {
      const bytes = get(headKey(key, 0, copy))
      const stored = decodeHead(bytes, 0)
      if (typeof stored === 'string') throw new Error(stored)
      encodeHead(bytes, 0, { ...stored, head: change(stored.head) })
      put(headKey(key, 0, copy), bytes)
    }
  })
}

/** The log of group 0 chose something else, and is sound in itself. */
function changeValue(voterId: string): void {
  const log = new LmdbLogStore({ path: logPath(dataDir(), 0), voterId })
  const { head } = log.load(0) as DurableState
  const records = log.read(0, 1, head.chosenUpTo, Number.POSITIVE_INFINITY)
  const last = records.at(-1) as LogRecord
  const value = last.value.slice()
  value[value.length - 1] = (value.at(-1) as number) + 1
  const changed = { ...last, value }
  const chain = [...records.slice(0, -1), changed].reduce((seed, record) => valueCodec.checksum(record.value, seed), 0)
  log.commit([{ group: 0, records: [changed], head: { ...head, chain } }])
  log.close()
}
