import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { KvCluster } from './kv-cluster.js'

const PROBE = fileURLToPath(new URL('../../workers/store-probe.js', import.meta.url))
const PAGE_BYTES = 4096
/** Of a page header: its flags, and the upper byte of where its data begin. */
const FIELDS = [
  { at: 18, bit: 1 },
  { at: 23, bit: 16 },
]
const LIMIT_MS = 120_000

interface Status {
  readonly isVoter: boolean
  readonly groups: readonly { readonly executedUpTo: number }[]
}

function flip(file: string, at: number, bit: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] as number) ^ bit
  writeFileSync(file, bytes)
}

/** The signal that ends a process which opens the store. */
function endOf(path: string, voterId: string): NodeJS.Signals | null {
  const order = { voterId, deep: false, stores: [{ kind: 'log', path, groups: [0] }] }
  return spawnSync(process.execPath, [PROBE, JSON.stringify(order)]).signal
}

/** Damages the data so that LMDB crashes whoever opens them. */
function makeDeadly(dataDir: string): void {
  const log = join(dataDir, 'store-0000', 'log')
  const { voterId } = JSON.parse(readFileSync(join(dataDir, 'manifest.json'), 'utf8')) as { voterId: string }
  const pages = Math.floor(readFileSync(join(log, 'data.mdb')).length / PAGE_BYTES)
  const copy = join(dataDir, 'tried')
  for (let page = pages - 1; page > 1; page--) {
    for (const { at, bit } of FIELDS) {
      cpSync(log, copy, { recursive: true })
      flip(join(copy, 'data.mdb'), page * PAGE_BYTES + at, bit)
      if (endOf(copy, voterId) === null) continue
      flip(join(log, 'data.mdb'), page * PAGE_BYTES + at, bit)
      return
    }
  }
  throw new Error('no flipped bit crashes LMDB')
}

test(
  'a store that crashes the process which opens it is set aside by the next one, and the node is back as a follower',
  async () => {
    const cluster = await KvCluster.start({ groups: 1 })
    try {
      for (let k = 0; k < 40; k++) await cluster.client.put(1, `key-${k}`, 'x'.repeat(200))
      await cluster.process(3).stop()
      makeDeadly(cluster.dataDir(3))
      expect(typeof (await cluster.spawn(3).exited)).toBe('string')
      expect(existsSync(join(cluster.dataDir(3), 'damaged-1'))).toBe(false)
      const next = cluster.spawn(3)
      await next.ready
      expect(readdirSync(join(cluster.dataDir(3), 'damaged-1'))).toContain('store-0000')
      expect(next.output).toMatch(/Reading .*log ends the process with SIG/)
      expect(await cluster.client.status<Status>(3)).toMatchObject({ isVoter: false })
      const { body } = await cluster.client.get(3, 'key-7', 'quorum')
      expect(body).toBe('x'.repeat(200))
    } finally {
      await cluster.end()
    }
  },
  LIMIT_MS,
)
