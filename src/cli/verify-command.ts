import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupIndex } from '../base/numbers.js'
import { groupsOfStore, logPath, manifestPath, storeOfGroup, storesPresent } from '../store/data-layout.js'
import { type Manifest, readManifest } from '../store/manifest.js'
import { isStoreError } from '../store/store-error.js'
import { existingDirectory, ownerOf } from './data-directory.js'
import {
  addCounts,
  type Counts,
  type Finding,
  NO_COUNTS,
  type StoreJob,
  type StoreNews,
  type StorePart,
} from './finding.js'
import { printLine, sizeText, tell } from './output.js'
import { ProgressBar } from './progress-bar.js'
import { DAMAGED, NOT_DONE, Refusal } from './refusal.js'
import { readStore } from './store-reading.js'
import { findingOf } from './verify-report.js'

export interface VerifyOptions {
  readonly group?: GroupIndex
  readonly deep: boolean
  readonly live: boolean
  readonly json: boolean
}

const PARTS: readonly StorePart[] = ['checkpoints', 'state', 'log']

/** Reads a data directory and says what is wrong with it. Changes nothing. Returns the exit status. */
export async function runVerify(path: string, options: VerifyOptions): Promise<number> {
  existingDirectory(path)
  const owner = ownerOf(path, tell)
  if (owner !== undefined && !options.live)
    throw new Refusal(
      `${path} is in use by process ${owner}. Stop its node, or give --live to check what can be read beside it: logs and checkpoints.`,
    )
  return new Verification(path, owner, options).run()
}

class Verification {
  readonly #path: string
  readonly #owner: number | undefined
  readonly #options: VerifyOptions
  readonly #findings: Finding[] = []
  #counts: Counts = NO_COUNTS
  #manifest: Manifest | undefined

  constructor(path: string, owner: number | undefined, options: VerifyOptions) {
    this.#path = path
    this.#owner = owner
    this.#options = options
  }

  async run(): Promise<number> {
    await this.#readManifest()
    const stores = this.#stores()
    const bar = new ProgressBar(stores.reduce((sum, store) => sum + bytesOfStore(this.#path, store), 0))
    for (const store of stores) {
      const found: Finding[] = []
      await readStore(this.#job(store), (news) => this.#hear(news, store, bar, found))
      bar.clear()
      for (const finding of found) await this.#tell(finding)
    }
    bar.clear()
    return this.#conclude(stores.length, bar.doneBytes)
  }

  async #readManifest(): Promise<void> {
    try {
      this.#manifest = readManifest(this.#path)
    } catch (error) {
      if (!isStoreError(error)) throw error
      await this.#tell(findingOf(error))
      return
    }
    if (this.#manifest === undefined)
      throw new Refusal(`${this.#path} holds no data of a node. Give the dataDir of one.`)
    const { genesis, nodeId } = this.#manifest
    if (genesis !== undefined) return
    const what = `the cluster of node ${nodeId} was not born yet, or this node has not learned of it`
    await this.#tell({ level: 'note', code: 'NOT_CHECKED', path: manifestPath(this.#path), what })
  }

  #stores(): number[] {
    const { group } = this.#options
    const { genesis, stores = 0 } = this.#manifest ?? {}
    if (genesis === undefined) return storesPresent(this.#path).map((name) => Number(name.slice('store-'.length)))
    if (group === undefined) return Array.from({ length: Math.min(stores, genesis.groupCount) }, (_, store) => store)
    if (group >= genesis.groupCount)
      throw new Refusal(`${this.#path} has the groups 0 to ${genesis.groupCount - 1}, and no group ${group}.`)
    return [storeOfGroup(group, stores)]
  }

  #job(store: number): StoreJob {
    const { voterId, stores = 0, genesis } = this.#manifest ?? {}
    const { deep, group } = this.#options
    return {
      dataDir: this.#path,
      store,
      parts: PARTS,
      deep,
      positions: [],
      ...(this.#owner === undefined ? {} : { owner: this.#owner }),
      ...(voterId === undefined ? {} : { voterId }),
      ...(genesis === undefined
        ? {}
        : { clusterId: genesis.clusterId, groups: groupsOfStore(store, stores, genesis.groupCount) }),
      ...(group === undefined ? {} : { only: group }),
    }
  }

  #hear(news: StoreNews, store: number, bar: ProgressBar, found: Finding[]): void {
    if (news.kind === 'bytes') bar.add(news.bytes)
    else if (news.kind === 'reading') bar.add(0, `store ${store}, ${news.what}`)
    else if (news.kind === 'counts') this.#counts = addCounts(this.#counts, news.counts)
    else if (news.kind === 'finding') found.push(news.finding)
  }

  async #tell(finding: Finding): Promise<void> {
    this.#findings.push(finding)
    await printLine(this.#options.json ? JSON.stringify({ type: 'finding', ...finding }) : findingText(finding))
  }

  async #conclude(stores: number, bytes: number): Promise<number> {
    const counted = (level: Finding['level']) => this.#findings.filter((finding) => finding.level === level).length
    const [damage, unchecked] = [counted('damage'), counted('unchecked')]
    const verdict = damage > 0 ? 'damaged' : unchecked > 0 ? 'unchecked' : 'sound'
    const { groups, records, stateEntries, checkpoints } = this.#counts
    if (this.#options.json) {
      const summary = { verdict, damage, unchecked, stores, groups, records, stateEntries, checkpoints, bytes }
      await printLine(JSON.stringify({ type: 'summary', ...summary }))
    } else {
      const read = `read ${stores} stores, ${groups} groups, ${records} records, ${stateEntries} entries of state, ${checkpoints} checkpoints, ${sizeText(bytes)}`
      const what = {
        damaged: `is DAMAGED: ${damage} findings`,
        unchecked: 'could not be checked as a whole',
        sound: 'is sound',
      }
      await printLine(`${this.#path} ${what[verdict]} (${read})`)
    }
    return verdict === 'damaged' ? DAMAGED : verdict === 'unchecked' ? NOT_DONE : 0
  }
}

const LEVELS = { damage: 'DAMAGED', unchecked: 'UNCHECKED', note: 'note' } as const

function findingText({ level, code, path, group, what, todo }: Finding): string {
  // The message of an error names its path by itself.
  const where = what.includes(path) ? '' : ` ${path}${group === undefined ? '' : ` group ${group}`}:`
  const name = level === 'damage' ? ` ${code}` : ''
  return `${LEVELS[level]}${name}${where} ${what}${todo === undefined ? '' : `. ${todo}`}`
}

/** Of all its files. */
function bytesOfStore(dataDir: string, store: number): number {
  let bytes = 0
  try {
    for (const entry of readdirSync(join(logPath(dataDir, store), '..'), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  } catch {
    // A store that is missing is a finding of its own.
  }
  return bytes
}
