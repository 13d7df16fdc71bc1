import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { LocalCluster } from './local-cluster.js'

let cluster: LocalCluster
afterEach(() => cluster.stop())

test('a disk that fails while groups are created refuses the start, and the next one creates them', async () => {
  cluster = new LocalCluster({ testing: { workerUrl: new URL('../support/hanging-worker.js', import.meta.url) } })
  await cluster.lay(1)
  const { dataDir } = cluster.options(1)
  const barren = join(dataDir, 'barren')
  mkdirSync(dataDir)
  writeFileSync(barren, '')
  await expect(cluster.up(1)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  rmSync(barren)
  // Not taken for damaged: they were never there.
  const node = await cluster.up(1)
  expect(await node.group(0).propose({ add: 2 })).toMatchObject({ result: 2 })
  expect(node.status().isVoter).toBe(true)
})
