import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Head } from '../../../src/core/durable.js'
import type { PaxosOptions } from '../../../src/index.js'
import { logPath, storeOfGroup } from '../../../src/store/data-layout.js'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import { readManifest } from '../../../src/store/manifest.js'
import { LocalCluster, machineUrl, until } from '../../host/local-cluster.js'

export const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))

/** Three machines of each group: sums in memory, texts in the state environment. No checkpoint by itself. */
export const SAMPLE_OPTIONS: Partial<PaxosOptions> = {
  groups: { count: 3 },
  stores: 2,
  stateMachines: [machineUrl('tally'), machineUrl('shelf')],
  checkpoints: { everyInstances: 1_000_000, everyMs: 86_400_000 },
  state: { commitMs: 50 },
}

/** Of each kind, each time, in each group. */
export const COMMANDS = 40

export interface Ended {
  readonly status: number | null
  readonly lines: readonly string[]
  readonly stderr: string
}

/** Stores that hold a mark kill whoever opens them (deadly-store.ts). */
const DEADLY = new URL('../../support/deadly-store.js', import.meta.url)

export function cli(...args: string[]): Ended {
  const env = { ...process.env, NODE_OPTIONS: `--import=${DEADLY.href}`, DEADLY_MODE: 'r' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env })
  return { status, lines: stdout.trimEnd().split('\n'), stderr }
}

/** The lines as JSON. */
export function cliJson(...args: string[]): { status: number | null; all: Record<string, unknown>[] } {
  const { status, lines } = cli(...args, '--json')
  return { status, all: lines.map((line) => JSON.parse(line)) }
}

/**
 * A cluster that has done something in all groups, with a checkpoint in each of groups 0 and 1 and more behind it. The log of
 * group 1 is trimmed.
 */
export async function startSample(): Promise<LocalCluster> {
  const cluster = await LocalCluster.start(3, SAMPLE_OPTIONS)
  await fill(cluster, 0, 'first')
  for (const node of cluster.nodes.values()) {
    node.group(1).setHold({ instances: 0 })
    await Promise.all([node.group(0).checkpoint(), node.group(1).checkpoint()])
  }
  await fill(cluster, 1, 'second')
  await cluster.settle()
  for (const node of cluster.nodes.values()) await until(() => node.group(1).status().firstKept > 1)
  return cluster
}

/** Commands one after another, so that there are many instances. */
async function fill(cluster: LocalCluster, at: number, word: string): Promise<void> {
  const node = [...cluster.nodes.values()][at]
  for (const group of [0, 1, 2]) {
    const handle = node!.group(group)
    for (let k = 0; k < COMMANDS; k++) {
      await handle.propose({ name: `sum ${k % 3}`, add: k })
      await handle.propose({ key: `${word} ${k}`, text: `${word} text ${k}` }, { machine: 3 })
    }
  }
}

/** A copy to do something to. */
export function copyOfDirectory(path: string): string {
  const copy = mkdtempSync(join(path, '..', 'copy-'))
  cpSync(path, copy, { recursive: true })
  return copy
}

/** The heads of the groups of a stopped node, as its stores load them. */
export function headsOf(path: string): Head[] {
  const copy = copyOfDirectory(path)
  const { voterId = '', genesis, stores = 1 } = readManifest(copy) ?? {}
  return Array.from({ length: genesis?.groupCount ?? 0 }, (_, group) => {
    const log = new LmdbLogStore({ path: logPath(copy, storeOfGroup(group, stores)), voterId })
    try {
      return log.load(group)?.head as Head
    } finally {
      log.close()
    }
  })
}

/** Names, contents and times of everything below a directory. */
export function pictureOf(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const whole = join(entry.parentPath, entry.name)
      const content = entry.isFile() ? createHash('sha1').update(readFileSync(whole)).digest('hex') : ''
      return `${whole} ${statSync(whole).mtimeMs} ${content}`
    })
    .sort()
}
