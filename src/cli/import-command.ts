import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupIndex, NodeId } from '../base/numbers.js'
import type { Head } from '../core/durable.js'
import type { Voter } from '../core/membership.js'
import { CheckpointArchive, type ClusterShape } from '../store/checkpoint-archive.js'
import { seedCheckpoint } from '../store/checkpoint-seed.js'
import { checkpointsPath, groupsOfStore, logPath, storeOfGroup } from '../store/data-layout.js'
import { flushPath, makeDirectoryDurable } from '../store/durable-files.js'
import { LmdbLogStore } from '../store/lmdb-log-store.js'
import { type StoredGenesis, writeManifest } from '../store/manifest.js'
import { printLine } from './output.js'
import { ProgressBar } from './progress-bar.js'
import { Refusal } from './refusal.js'

export interface ImportOptions {
  /** All nodes of the new cluster. */
  readonly nodes: readonly NodeId[]
  /** A folder that gets a data directory for each of them. */
  readonly out: string
  /** Groups without a file begin empty. */
  readonly emptyGroups: boolean
  readonly stores?: number
}

/** While it is being written; a node must never be started with a part of it. */
const PARTIAL = '.partial'

/**
 * Writes the data directories of a new cluster whose groups begin with exported checkpoints. All of its nodes are made at
 * once, already born: see docs/cli.md for why. Returns the exit status.
 */
export async function runImport(files: readonly string[], options: ImportOptions): Promise<number> {
  const archives: CheckpointArchive[] = []
  try {
    for (const file of filesIn(files)) archives.push(CheckpointArchive.open(file))
    const shape = shapeOf(archives, options)
    refusePresent(options)
    const stores = options.stores ?? shape.stores
    if (stores > shape.groupCount)
      throw new Refusal(`--stores is ${stores}; at most one for each of ${shape.groupCount} groups.`)
    const bar = new ProgressBar(
      options.nodes.length * archives.reduce((sum, one) => sum + one.manifest.blocks.dataBytes, 0),
    )
    const genesis = newGenesis(shape, options.nodes)
    const seeds = new Map(archives.map((archive) => [archive.manifest.group, archive]))
    for (const voter of genesis.voters) new NodeSeed(voter, genesis, stores, seeds, options.out, bar).write()
    // Only now that all of them are whole.
    for (const { nodeId } of genesis.voters)
      renameSync(directoryOf(options.out, nodeId) + PARTIAL, directoryOf(options.out, nodeId))
    flushPath(options.out)
    bar.clear()
    await tellOf(archives, genesis, stores, options)
  } catch (error) {
    for (const nodeId of options.nodes)
      rmSync(directoryOf(options.out, nodeId) + PARTIAL, { recursive: true, force: true })
    throw error
  } finally {
    for (const archive of archives) archive.close()
  }
  return 0
}

async function tellOf(
  archives: readonly CheckpointArchive[],
  { clusterId, groupCount, voters }: StoredGenesis,
  stores: number,
  { out }: ImportOptions,
): Promise<void> {
  for (const { manifest, path } of archives)
    await printLine(`group ${manifest.group}: instance ${manifest.instance}, from ${path}`)
  for (const { nodeId } of voters) await printLine(`node ${nodeId}: ${directoryOf(out, nodeId)}`)
  await printLine(
    `cluster ${clusterId} with ${groupCount} groups and ${stores} stores a node. Give each node its directory as dataDir, and start each of them in one place only.`,
  )
}

/** Folders stand for the files in them. */
function filesIn(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined)
      throw new Refusal(`There is no ${path}. Give files that 'shardpaxos export' wrote, or their folder.`)
    if (!stats.isDirectory()) return [path]
    return readdirSync(path)
      .filter((name) => name.endsWith('.checkpoint'))
      .map((name) => join(path, name))
  })
}

/** What the cluster is to look like, which all files have to agree on. */
function shapeOf(archives: readonly CheckpointArchive[], { emptyGroups }: ImportOptions): ClusterShape {
  const [first] = archives
  if (first === undefined) throw new Refusal('There is no exported checkpoint among what was given.')
  const groups = new Set<GroupIndex>()
  for (const { path, manifest, shape } of archives) {
    if (groups.has(manifest.group))
      throw new Refusal(`${path} is a second checkpoint of group ${manifest.group}. Give one of each group.`)
    groups.add(manifest.group)
    const { clusterId } = first.manifest
    if (manifest.clusterId !== clusterId)
      throw new Refusal(
        `${path} is of cluster ${manifest.clusterId}, ${first.path} of ${clusterId}. Give files of one cluster.`,
      )
    const isSame = shape.groupCount === first.shape.groupCount && shape.routingGroups === first.shape.routingGroups
    if (!isSame || manifest.group >= shape.groupCount)
      throw new Refusal(
        `${path} is of a cluster with ${shape.groupCount} groups, ${first.path} of one with ${first.shape.groupCount}.`,
      )
  }
  const missing = Array.from({ length: first.shape.groupCount }, (_, group) => group).filter(
    (group) => !groups.has(group),
  )
  if (missing.length > 0 && !emptyGroups)
    throw new Refusal(
      `The cluster had ${first.shape.groupCount} groups, and there is no file of group ${missing.join(', ')}. Give all of them, or --empty-groups to let these begin empty.`,
    )
  return first.shape
}

function refusePresent({ nodes, out }: ImportOptions): void {
  for (const nodeId of nodes) {
    const path = directoryOf(out, nodeId)
    if (existsSync(path))
      throw new Refusal(`${path} is there already. Only new directories are written: name another --out.`)
  }
  mkdirSync(out, { recursive: true })
}

function newGenesis({ groupCount, routingGroups }: ClusterShape, nodes: readonly NodeId[]): StoredGenesis {
  const ids = [...nodes].sort((a, b) => a - b)
  const voters = ids.map((nodeId) => ({ nodeId, voterId: randomBytes(8).toString('hex') }))
  return { clusterId: randomBytes(8).toString('hex'), groupCount, routingGroups, voters }
}

function directoryOf(out: string, nodeId: NodeId): string {
  return join(out, String(nodeId))
}

/** The data directory of one node, as it would be after it had loaded the checkpoints of all its groups. */
class NodeSeed {
  readonly #voter: Voter
  readonly #genesis: StoredGenesis
  readonly #stores: number
  readonly #seeds: ReadonlyMap<GroupIndex, CheckpointArchive>
  readonly #dataDir: string
  readonly #bar: ProgressBar

  constructor(
    voter: Voter,
    genesis: StoredGenesis,
    stores: number,
    seeds: ReadonlyMap<GroupIndex, CheckpointArchive>,
    out: string,
    bar: ProgressBar,
  ) {
    this.#voter = voter
    this.#genesis = genesis
    this.#stores = stores
    this.#seeds = seeds
    this.#dataDir = directoryOf(out, voter.nodeId) + PARTIAL
    this.#bar = bar
  }

  write(): void {
    rmSync(this.#dataDir, { recursive: true, force: true })
    makeDirectoryDurable(this.#dataDir)
    const { nodeId, voterId } = this.#voter
    for (const [group, archive] of this.#seeds) {
      const directory = checkpointsPath(this.#dataDir, storeOfGroup(group, this.#stores), group)
      seedCheckpoint(archive, this.#genesis, directory, (bytes) =>
        this.#bar.add(bytes, `node ${nodeId}, group ${group}`),
      )
    }
    for (let store = 0; store < this.#stores; store++) this.#writeLog(store)
    writeManifest(this.#dataDir, { nodeId, voterId, stores: this.#stores, genesis: this.#genesis })
  }

  #writeLog(store: number): void {
    const groups = groupsOfStore(store, this.#stores, this.#genesis.groupCount)
    const path = logPath(this.#dataDir, store)
    makeDirectoryDurable(join(path, '..'))
    const log = new LmdbLogStore({ path, voterId: this.#voter.voterId })
    try {
      log.create(groups)
      const writes = groups.flatMap((group) => {
        const archive = this.#seeds.get(group)
        return archive === undefined ? [] : [{ group, records: [], head: headBehind(archive) }]
      })
      if (writes.length > 0) log.commit(writes)
    } finally {
      log.close()
    }
  }
}

/** Everything up to the checkpoint is chosen and trimmed, and nothing was ever promised. */
function headBehind({ manifest: { instance, chain } }: CheckpointArchive): Head {
  return { promised: 0, chosenUpTo: instance, chain, lastAccepted: instance, firstKept: instance + 1 }
}
