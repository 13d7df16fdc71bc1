import type { Ballot, GroupIndex, Instance, NodeId } from '../../src/base/numbers.js'
import { checkFrame, readFrame } from '../../src/codec/frame.js'
import { decodeHead, HEAD_BYTES } from '../../src/codec/head.js'
import { getSafe, getU16, getU32 } from '../../src/codec/little-endian.js'
import { decodeMessage } from '../../src/codec/messages.js'
import { decodeRecord, RECORD_HEADER_BYTES } from '../../src/codec/record.js'
import type { LogRecord } from '../../src/core/durable.js'
import type { Accepted, Message, Prepare, Promised } from '../../src/core/messages.js'
import type { SystemCall } from '../store/support/system-calls.js'

/** What is needed to know what one node had on disk when it sent something. */
export const ORDER_CALLS = [
  'openat,close,pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,recvfrom,recvmsg,fdatasync,fsync',
]

/**
 * What a node says only after it has written it; `chosen` is what a leader says of an instance that it has counted,
 * with or without its own vote.
 */
export type Vow = 'prepare' | 'promise' | 'accepted' | 'chosen'

export interface OrderVerdict {
  /** How many of them left, of those that claim something. */
  readonly checked: Record<Vow, number>
  readonly violations: readonly { readonly kind: Vow; readonly what: string }[]
  readonly commits: number
  /** Votes that were seen to arrive: none if this node reads its links with a call that is not traced. */
  readonly heard: number
}

/** A transaction of one store: what was in its pages, and the place in the trace where it was on disk as a whole. */
interface Commit {
  readonly ended: number
  readonly pages: readonly Buffer[]
}

/** One call's share of what went over a link. */
interface Part {
  readonly data: Buffer
  readonly started: number
  readonly ended: number
}

interface Carried {
  /** Where the call began that carried its first byte. */
  readonly started: number
  /** Where the call ended that carried its last byte. */
  readonly ended: number
  /** The node that dialed the link. */
  readonly from: NodeId
  readonly group: GroupIndex
  readonly message: Message
}

const NO_LIMITS = { maxFrameBytes: 2 ** 31 - 1, maxMessageBytes: 2 ** 31 - 1, maxValueBytes: 2 ** 31 - 1 }
const STORE = /\/store-\d+\/log\/data\.mdb$/
const JOURNAL = /\/store-\d+\/log\/journal$/
const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])
const SENDS = new Set(['write', 'writev', 'sendto', 'sendmsg'])
const RECEIVES = new Set(['recvfrom', 'recvmsg'])
const UPGRADE = Buffer.from('GET /shardpaxos/link/')
const HANDSHAKE = Buffer.from('SPXL')
const HELLO = 1
const BINARY = 2

/**
 * Holds every vow that left the node against what its disk held for certain when the call began that sent it: the pages
 * of those transactions whose flush had returned before the meta page was written, and whose synchronous write of the
 * meta page had returned; and the entries of journals whose synchronous write had returned. strace stops a thread before and after each call, so that its order is that of the causes.
 */
export function judgeOrder(calls: readonly SystemCall[], nodes: number): OrderVerdict {
  const commits = durableCommits(calls)
  const votes = carried(calls, RECEIVES).sort((a, b) => a.ended - b.ended)
  const disk = new Disk()
  const count = new Count(disk, nodes)
  const checked = { prepare: 0, promise: 0, accepted: 0, chosen: 0 }
  const violations: OrderVerdict['violations'][number][] = []
  let committed = 0
  let heard = 0
  for (const { started, group, message } of carried(calls, SENDS).sort((a, b) => a.started - b.started)) {
    for (; committed < commits.length && commits[committed]!.ended < started; committed++) disk.add(commits[committed]!)
    for (; heard < votes.length && votes[heard]!.ended < started; heard++) count.hear(votes[heard]!)
    const check = (kind: Vow, missing: string | undefined) => {
      checked[kind]++
      if (missing !== undefined) violations.push({ kind, what: `${kind} of group ${group}: ${missing}` })
    }
    if (message.kind === 'prepare' || message.kind === 'promise') check(message.kind, disk.missing(group, message))
    // Otherwise it says nothing of its own: all that it holds is chosen.
    if (message.kind === 'accepted' && message.upTo > message.chosenUpTo)
      check('accepted', disk.missing(group, message))
    if (votes.length === 0) continue
    for (const missing of count.said(group, message)) check('chosen', missing)
  }
  return { checked, violations, commits: commits.length, heard }
}

/** Whether a leader that says that an instance is chosen had a majority for it, its own vote being what is on its disk. */
class Count {
  readonly #disk: Disk
  readonly #majority: number
  /** The instances that this node has proposed and not yet called chosen, with the peers that voted. */
  readonly #open = new Map<string, { group: GroupIndex; instance: Instance; ballot: Ballot; votes: Set<NodeId> }>()
  /** Those that were judged: an accept that waited for the link with another peer may leave later, and opens nothing. */
  readonly #said = new Set<string>()

  constructor(disk: Disk, nodes: number) {
    this.#disk = disk
    this.#majority = Math.floor(nodes / 2) + 1
  }

  hear({ from, group, message }: Carried): void {
    if (message.kind !== 'accepted') return
    for (const open of this.#open.values()) {
      if (open.group === group && open.ballot === message.ballot && open.instance <= message.upTo) open.votes.add(from)
    }
  }

  /** For each instance that the message calls chosen: what speaks against that. */
  said(group: GroupIndex, message: Message): (string | undefined)[] {
    if (message.kind !== 'accept' && message.kind !== 'chosen') return []
    const upTo = message.kind === 'accept' ? message.chosenUpTo : message.upTo
    const found: (string | undefined)[] = []
    for (const [key, open] of this.#open) {
      if (open.group !== group || open.ballot !== message.ballot || open.instance > upTo) continue
      this.#open.delete(key)
      this.#said.add(key)
      const votes = open.votes.size + (this.#disk.holds(group, open.instance, open.ballot) ? 1 : 0)
      found.push(votes >= this.#majority ? undefined : `instance ${open.instance} had ${votes} votes`)
    }
    if (message.kind === 'accept' && message.instance > upTo) {
      const { instance, ballot } = message
      const key = name(group, instance, ballot)
      if (!this.#said.has(key) && !this.#open.has(key))
        this.#open.set(key, { group, instance, ballot, votes: new Set() })
    }
    return found
  }
}

/** What survives whatever happens to the node. */
class Disk {
  readonly #promised = new Map<GroupIndex, Ballot>()
  readonly #records = new Map<string, LogRecord>()

  add({ pages }: Commit): void {
    for (const page of pages) this.#scan(page)
  }

  holds(group: GroupIndex, instance: Instance, ballot: Ballot): boolean {
    return this.#records.has(name(group, instance, ballot))
  }

  /** What the message claims and the disk does not hold. */
  missing(group: GroupIndex, message: Prepare | Promised | Accepted): string | undefined {
    const promised = this.#promised.get(group) ?? 0
    if (promised < message.ballot) return `only ${promised} is promised on the disk`
    if (message.kind === 'accepted') {
      for (let instance = message.chosenUpTo + 1; instance <= message.upTo; instance++) {
        if (!this.holds(group, instance, message.ballot)) return `record ${instance} is not on the disk`
      }
    }
    if (message.kind === 'promise') {
      for (const { instance, ballot, value } of message.records) {
        const stored = this.#records.get(name(group, instance, ballot))
        if (stored === undefined || Buffer.compare(stored.value, value) !== 0)
          return `record ${instance} of ballot ${ballot} is not on the disk`
      }
    }
    return undefined
  }

  /** Heads and records say what they are and carry a checksum, so that nothing need be known of pages. */
  #scan(bytes: Buffer): void {
    for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; at++) {
      if (bytes[at + 4] !== 1) continue
      const group = getU16(bytes, at + 6)
      if (bytes[at + 5] === 0) {
        const head = decodeHead(bytes.subarray(at, at + HEAD_BYTES), group)
        if (typeof head === 'string') continue
        this.#promised.set(group, Math.max(this.#promised.get(group) ?? 0, head.head.promised))
      } else {
        const end = at + RECORD_HEADER_BYTES + getU32(bytes, at + 40)
        if (end > bytes.length) continue
        const record = decodeRecord(bytes.subarray(at, end), group, getSafe(bytes, at + 8))
        if (typeof record !== 'string') this.#records.set(name(group, record.instance, record.ballot), record)
      }
    }
  }
}

function name(group: GroupIndex, instance: Instance, ballot: Ballot): string {
  return `${group}/${instance}/${ballot}`
}

interface OpenStore {
  /** Written, and not flushed by a call that began after the write had returned. */
  unflushed: Buffer[]
  flushed: Buffer[]
}

/** All commits of all stores, in the order in which they ended. A store is written by one thread at a time. */
function durableCommits(calls: readonly SystemCall[]): Commit[] {
  const stores = new Map<string, OpenStore>()
  const synchronous = new Set<number>()
  const commits: Commit[] = []
  for (const { name: call, fd, target, data, args, result, ended } of calls) {
    if (call === 'openat' && result >= 0) {
      if (/O_D?SYNC/.test(args)) synchronous.add(result)
      else synchronous.delete(result)
    }
    if (fd === undefined || result < 0) continue
    // Each synchronous write is a commit; the notes between them make nothing durable.
    if (JOURNAL.test(target) && WRITES.has(call) && synchronous.has(fd))
      commits.push({ ended, pages: [data.subarray(0, result)] })
    if (!STORE.test(target)) continue
    const store = stores.get(target) ?? { unflushed: [], flushed: [] }
    stores.set(target, store)
    if (WRITES.has(call) && !synchronous.has(fd)) store.unflushed.push(data.subarray(0, result))
    else if (call === 'fdatasync' || call === 'fsync') {
      store.flushed.push(...store.unflushed)
      store.unflushed = []
    } else if (WRITES.has(call)) {
      // A meta page over pages that are not flushed makes nothing durable.
      if (store.unflushed.length > 0) continue
      commits.push({ ended, pages: store.flushed })
      store.flushed = []
    }
  }
  return commits
}

/** All messages on links between nodes that went through one of these calls. */
function carried(calls: readonly SystemCall[], through: ReadonlySet<string>): Carried[] {
  const links = new Map<string, Part[]>()
  const open = new Map<number, { target: string; key: string }>()
  for (const { name: call, fd, target, data, result, started, ended } of calls) {
    if (fd === undefined || !target.startsWith('TCP')) continue
    if (call === 'close') open.delete(fd)
    if (!through.has(call) || result <= 0) continue
    // The same two ports may meet again after a close.
    const link = open.get(fd) ?? { target, key: `${target} since ${started}` }
    if (link.target !== target) throw new Error(`descriptor ${fd} is ${target}, but ${link.target} was not closed`)
    open.set(fd, link)
    const parts = links.get(link.key) ?? []
    links.set(link.key, parts)
    parts.push({ data: data.subarray(0, result), started, ended })
  }
  return [...links.values()].flatMap(messagesOfLink)
}

function messagesOfLink(parts: readonly Part[]): Carried[] {
  const bytes = Buffer.concat(parts.map(({ data }) => data))
  if (!bytes.subarray(0, UPGRADE.length).equals(UPGRADE)) return []
  const found: Carried[] = []
  let from: NodeId = 0
  let at = bytes.indexOf('\r\n\r\n') + 4
  while (at < bytes.length) {
    const frame = webSocketFrame(bytes, at)
    // The end of a link may cut its last frame.
    if (frame.to > bytes.length) break
    const payload = bytes.subarray(frame.from, frame.to)
    const { started } = partAt(parts, at)
    const { ended } = partAt(parts, frame.to - 1)
    at = frame.to
    if (frame.opcode !== BINARY) continue
    if (payload.subarray(0, HANDSHAKE.length).equals(HANDSHAKE)) {
      if (payload[HANDSHAKE.length] === HELLO) from = payload.readUInt16BE(HANDSHAKE.length + 1)
      continue
    }
    if (checkFrame(payload, NO_LIMITS) !== 'protocol') continue
    const visit = (group: GroupIndex, offset: number, length: number) =>
      found.push({ started, ended, from, group, message: decodeMessage(payload, offset, length, NO_LIMITS) })
    readFrame(payload, visit, NO_LIMITS)
  }
  return found
}

function partAt(parts: readonly Part[], at: number): Part {
  let until = 0
  for (const part of parts) {
    until += part.data.length
    if (until > at) return part
  }
  throw new Error(`nothing was sent at ${at}`)
}

/** RFC 6455, as the dialer sends it: masked with zeros, not fragmented. */
function webSocketFrame(bytes: Buffer, at: number): { opcode: number; from: number; to: number } {
  const length = bytes[at + 1]! & 127
  const extended = length === 126 ? 2 : length === 127 ? 8 : 0
  const mask = at + 2 + extended
  const from = mask + 4
  if (from > bytes.length) return { opcode: 0, from, to: from }
  if (bytes[at]! >> 7 !== 1 || bytes[at + 1]! >> 7 !== 1 || bytes.readUInt32BE(mask) !== 0)
    throw new Error('not a whole frame under a mask of zeros')
  const payload =
    extended === 0 ? length : extended === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
  return { opcode: bytes[at]! & 15, from, to: from + payload }
}
