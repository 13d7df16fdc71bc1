import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'

const DEADLY = new URL('../support/deadly-store.js', import.meta.url)
/** What it looks for. */
const MARK = 'deadly'
const LIMIT_MS = 120_000

interface Status {
  readonly isVoter: boolean
  readonly groups: readonly { readonly executedUpTo: number }[]
}

test(
  'a store that crashes the process which opens it is set aside by the next one, and the node is back as a follower',
  async () => {
    const cluster = await KvCluster.start({ groups: 1, env: { NODE_OPTIONS: `--import=${DEADLY.href}` } })
    try {
      for (let k = 0; k < 40; k++) await cluster.client.put(1, `key-${k}`, 'x'.repeat(200))
      await cluster.process(3).stop()
      writeFileSync(join(cluster.dataDir(3), 'store-0000', 'log', MARK), '')
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
