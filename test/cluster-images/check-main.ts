// A process of its own, because a damaged environment may crash it: reads the traces of a cluster's lives and opens images
// of power cuts; says `image` before and `good` or `bad` after each. Some of them are started as a cluster.
// Arguments: directory of the run, scratch directory, ports, seed, images wanted, clusters wanted, and of each life its trace and
// the directory that holds the files as it left them.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Random } from '../../src/base/random.js'
import { crc32 } from '../../src/codec/crc32.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { applyWrite } from '../store/support/disk-history.js'
import { readTrace } from '../store/support/system-calls.js'
import {
  ClusterDisk,
  type ClusterEvent,
  type ClusterLife,
  clusterHistory,
  cut,
  type DiskFile,
} from './disk-of-cluster.js'
import { GROUPS, NODES, STORES, startNode } from './three-nodes.js'

const [base = '', scratch = '', portList = '', seed, images, clusters, ...recorded] = process.argv.slice(2)
const ports = portList.split(',').map(Number)
const say = (line: string) => writeSync(1, `${line}\n`)
const random = new Random(Number(seed))
const lives: ClusterLife[] = []
for (let i = 0; i < recorded.length; i += 2) {
  const [trace = '', files = ''] = recorded.slice(i)
  const left = (file: string) => readFileSync(join(files, file.slice(base.length)))
  lives.push({ calls: readTrace(trace), left })
}
const events = clusterHistory(lives, base)
const voters = NODES.map((nodeId) => {
  const manifest = JSON.parse(readFileSync(join(base, `${nodeId}/manifest.json`), 'utf8')) as { voterId: string }
  return manifest.voterId
})

interface Place {
  readonly nodeId: number
  readonly store: number
}
const FILES = ['data.mdb', 'journal'] as const
const PLACES = NODES.flatMap((nodeId) => Array.from({ length: STORES }, (_, store): Place => ({ nodeId, store })))

/** Of each group of a store what it stands at, and a checksum of everything in it; or why it does not open. */
interface Standing {
  readonly lastAccepted: number
  readonly digest: string
}
type Opened = ReadonlyMap<number, Standing> | string

/** The files of one store. */
type Bytes = Readonly<Record<(typeof FILES)[number], Buffer>>

function open(bytes: Bytes, { nodeId, store }: Place): Opened {
  const path = join(scratch, 'opened')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  for (const file of FILES) writeFileSync(join(path, file), bytes[file])
  try {
    const log = new LmdbLogStore({ path, voterId: voters[nodeId - 1] as string })
    try {
      return new Map(log.groups.map((group) => [group, standingOf(log, group)]))
    } finally {
      log.close()
    }
  } catch (error) {
    return `node ${nodeId}, store ${store}: ${(error as Error).message}`
  }
}

function standingOf(log: LmdbLogStore, group: number): Standing {
  const state = log.load(group)
  if (state === undefined) throw new Error(`group ${group} is gone`)
  const { head } = state
  let sum = 0
  let count = 0
  for (let at = head.firstKept; at <= head.lastAccepted; ) {
    const records = log.read(group, at, head.lastAccepted, 1 << 20)
    if (records.length === 0) throw new Error(`record ${at} of group ${group} is gone`)
    for (const { value, ballot } of records) sum = crc32(value, (sum ^ ballot) >>> 0)
    count += records.length
    at += records.length
  }
  return { lastAccepted: head.lastAccepted, digest: JSON.stringify({ ...head, count, sum }) }
}

/** With the commit under way on the disk as a whole; undefined if it never was. */
function afterCommit(disk: ClusterDisk, place: Place, from: number): Bytes | undefined {
  const durable = durableOf(disk, place)
  // One after the other: while an entry is written to the journal, LMDB writes nothing.
  const journal = fileOf(disk, place, 'journal')
  if (journal.pending.some(({ synchronous }) => synchronous)) return { ...durable, journal: withPending(journal) }
  const data = fileOf(disk, place, 'data.mdb')
  let bytes = withPending(data)
  if (data.pending.some(({ synchronous }) => synchronous)) return { ...durable, 'data.mdb': bytes }
  for (const event of events.slice(from + 1)) {
    if (event.kind !== 'write' || event.file !== nameOf(place, 'data.mdb')) continue
    bytes = applyWrite(bytes, event.offset, event.data)
    if (event.synchronous) return { ...durable, 'data.mdb': bytes }
  }
  return undefined
}

function withPending({ durable, pending }: DiskFile): Buffer {
  return pending.reduce<Buffer>((bytes, { offset, data }) => applyWrite(bytes, offset, data), Buffer.from(durable))
}

function durableOf(disk: ClusterDisk, place: Place): Bytes {
  return { 'data.mdb': fileOf(disk, place, 'data.mdb').durable, journal: fileOf(disk, place, 'journal').durable }
}

const text = (opened: Opened) => (typeof opened === 'string' ? opened : JSON.stringify([...opened]))

/** What is wrong with what the cut left, or undefined. `left` are the files as they were found. */
function verdict(disk: ClusterDisk, left: ReadonlyMap<string, Buffer>, at: number): string | undefined {
  const standings = new Map<string, ReadonlyMap<number, Standing>>()
  for (const place of PLACES) {
    const { nodeId, store } = place
    const [data, journal] = FILES.map((file) => left.get(nameOf(place, file)) as Buffer) as [Buffer, Buffer]
    const found = open({ 'data.mdb': data, journal }, place)
    if (typeof found === 'string') return found
    standings.set(`${nodeId}/${store}`, found)
    if (FILES.every((file) => fileOf(disk, place, file).pending.length === 0)) continue
    const before = text(open(durableOf(disk, place), place))
    const after = afterCommit(disk, place, at)
    const isNext = () => after !== undefined && text(found) === text(open(after, place))
    if (text(found) !== before && !isNext())
      return `node ${nodeId}, store ${store} is neither before nor after its commit`
  }
  for (const [group, { instance }] of disk.acked) {
    const holders = NODES.filter((nodeId) => {
      const standing = standings.get(`${nodeId}/${group % STORES}`)?.get(group)
      return standing !== undefined && standing.lastAccepted >= instance
    })
    if (holders.length * 2 <= NODES.length) return `group ${group}: ${holders.length} nodes hold instance ${instance}`
  }
  return undefined
}

function nameOf({ nodeId, store }: Place, file: string): string {
  return join(base, `${nodeId}/store-${`${store}`.padStart(4, '0')}/log/${file}`)
}

function fileOf(disk: ClusterDisk, place: Place, file: string): DiskFile {
  return disk.files.get(nameOf(place, file)) as DiskFile
}

/** Starts the cluster from what the cut left: every acknowledged command is there, and it goes on. */
async function cluster(disk: ClusterDisk, left: ReadonlyMap<string, Buffer>): Promise<string | undefined> {
  const place = join(scratch, 'cluster')
  rmSync(place, { recursive: true, force: true })
  for (const [name, bytes] of left) {
    const path = join(place, name.slice(base.length))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }
  for (const nodeId of NODES) cpSync(join(base, `${nodeId}/manifest.json`), join(place, `${nodeId}/manifest.json`))
  const started = await Promise.allSettled(NODES.map((nodeId) => startNode(place, ports, nodeId)))
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  try {
    for (const one of started) if (one.status === 'rejected') return String(one.reason)
    for (let group = 0; group < GROUPS; group++) {
      const least = disk.acked.get(group)?.total ?? 0
      const node = nodes[group % nodes.length]
      const total = Number(await node?.group(group).read(undefined, { timeoutMs: 20_000 }))
      if (!(total >= least)) return `group ${group}: ${total} of ${least} acknowledged commands are there`
      const { result } = (await node?.group(group).propose({ add: 1 }, { timeoutMs: 20_000 })) ?? {}
      // A command that nobody was answered, and that one node alone had accepted, may still be chosen after the read.
      if (result !== total + 1 && result !== total + 2) return `group ${group} says ${result} after ${total}`
    }
    return undefined
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
}

function compareWithFiles(): void {
  const last = new Map<string, Buffer>()
  for (const event of events) {
    if (event.kind !== 'write') continue
    last.set(event.file, applyWrite(last.get(event.file) ?? Buffer.alloc(0), event.offset, event.data))
  }
  for (const [name, bytes] of last) {
    if (Buffer.compare(bytes, readFileSync(name)) !== 0) say(`bad replay: the traces do not give ${name}`)
  }
}

/** Where a cut may find a commit half done. */
function possible(): number {
  const disk = new ClusterDisk()
  let count = 0
  for (const event of events) {
    disk.apply(event)
    if (isPossible(disk, event)) count++
  }
  return count
}

function isPossible(disk: ClusterDisk, event: ClusterEvent): boolean {
  return disk.isBorn && event.kind !== 'said' && [...disk.files.values()].some(({ pending }) => pending.length > 0)
}

compareWithFiles()
const share = Number(images) / possible()
const disk = new ClusterDisk()
let looked = 0
for (const [at, event] of events.entries()) {
  disk.apply(event)
  if (!isPossible(disk, event) || !random.chance(share)) continue
  const left = new Map([...disk.files].map(([name, file]) => [name, cut(file, random)] as const))
  const acks = [...disk.acked.values()].reduce((sum, { total }) => sum + total, 0)
  say(`image at event ${at}, ${acks} acknowledged`)
  let bad = verdict(disk, left, at)
  if (bad === undefined && looked++ % Math.ceil(Number(images) / Number(clusters)) === 0) {
    say('cluster')
    bad = await cluster(disk, left)
  }
  say(bad === undefined ? 'good' : `bad ${bad}`)
}
const lengths = [...disk.files].map(([name, { durable }]) => (name.endsWith('.mdb') ? durable.length : 0))
say(`largest file ${Math.max(...lengths)}`)
const entries = events.filter((event) => event.kind === 'write' && event.file.endsWith('journal') && event.synchronous)
say(`entries ${entries.length}`)
