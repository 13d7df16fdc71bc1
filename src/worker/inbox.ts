import type { GroupIndex, Millis } from '../base/numbers.js'
import { decodeMessage } from '../codec/messages.js'
import { copyOf } from '../codec/own-bytes.js'
import {
  ALL_GROUPS,
  CommandRecord,
  CommandsRecord,
  decodeDetail,
  GROUP_HEAD_BYTES,
  type GroupCommand,
  MessageRecord,
  READ_HEAD_BYTES,
  RECORD_KIND,
  readGroupHead,
  readLink,
  readRead,
  type WorkerCommand,
} from '../codec/worker-records.js'
import { MessageReader } from '../ring/fragments.js'
import type { WorkerEnd } from '../ring/worker-memory.js'
import type { GroupHost } from './group-host.js'
import type { ReplyOutlet } from './reply-outlet.js'
import type { Workplace } from './workplace.js'

/** The consuming ends of what the host, or a port of the application, shares with this worker. */
export type InboxSource = Pick<WorkerEnd, 'control' | 'command'>

/** Where the records of one thread's inboxes go. */
export interface InboxTarget {
  readonly hosts: readonly GroupHost[]
  host(group: GroupIndex): GroupHost | undefined
  touch(host: GroupHost): void
  /** The host asked this worker to end. */
  stop(): void
  /** Ports of the application have come or gone. */
  portsChanged(): void
  /** Concerns all of this worker. */
  onCommand(command: WorkerCommand, now: Millis): void
}

/**
 * Both inboxes of a worker that belong to one source, read into its groups. Nothing of a ring is kept: whatever goes
 * further has been copied, so the space is given back as soon as a drain is over.
 */
export class Inbox {
  readonly #control: MessageReader
  readonly #command: MessageReader
  readonly #source: InboxSource
  readonly #replies: ReplyOutlet
  readonly #isHost: boolean
  readonly #place: Workplace
  readonly #target: InboxTarget
  readonly #commandRecord = new CommandRecord()
  readonly #commandsRecord = new CommandsRecord()
  readonly #messageRecord = new MessageRecord()
  /** The group for whose sake commands are left unread. */
  #clog: GroupHost | undefined

  /** Who speaks here is a port of the application if its answers go elsewhere than to the host. */
  constructor(source: InboxSource, replies: ReplyOutlet, place: Workplace, target: InboxTarget) {
    const options = { maxMessageBytes: place.limits.maxMessageBytes, onDropped: () => place.meter.add('badRecords') }
    this.#source = source
    this.#replies = replies
    this.#isHost = replies === place.outbox
    this.#control = new MessageReader(source.control, options)
    this.#command = new MessageReader(source.command, options)
    this.#place = place
    this.#target = target
  }

  /** Nothing is to be read: the question before a park. */
  get isEmpty(): boolean {
    if (this.#replies.isClogged) return true
    return this.#source.control.isEmpty() && (this.#isClogged() || this.#source.command.isEmpty())
  }

  /** Fixes what this round reads: what is visible before its clock is read. */
  snapshot(): void {
    this.#source.control.snapshot()
    this.#source.command.snapshot()
  }

  drainControl(now: Millis): void {
    if (this.#replies.isClogged) return
    const reader = this.#control
    while (reader.next()) {
      try {
        this.#takeControl(reader, now)
      } catch (error) {
        if (!isCodecError(error)) throw error
        // What a peer sent is not to be trusted; a lost message is something the protocol knows.
        this.#place.meter.add('badRecords')
      }
    }
    reader.release()
  }

  drainCommands(): void {
    if (this.#isClogged() || this.#replies.isClogged) return
    this.#clog = undefined
    const reader = this.#command
    let commands = 0
    while (reader.next()) {
      const isMany = reader.kind === RECORD_KIND.commands
      const record = isMany ? this.#commandsRecord : this.#commandRecord
      const isKnown = isMany || reader.kind === RECORD_KIND.command
      if (isKnown) record.read(reader.view, reader.offset, reader.length)
      const host = isKnown ? this.#target.host(record.group) : undefined
      if (host === undefined) {
        this.#place.meter.add('badRecords')
        continue
      }
      commands += isMany ? this.#takeMany(host, reader.bytes) : this.#takeOne(host, reader.bytes)
      this.#target.touch(host)
      if (host.isClogged) {
        this.#clog = host
        break
      }
    }
    reader.release()
    if (commands > 0) this.#place.meter.add('commands', commands)
  }

  #takeOne(host: GroupHost, bytes: Uint8Array): number {
    const { sequence, machineId, flags, offset, length, deadline } = this.#commandRecord
    host.callers.runs.add(this.#replies, sequence, machineId, flags, bytes, offset, length, deadline)
    return 1
  }

  #takeMany(host: GroupHost, bytes: Uint8Array): number {
    const { sequence, count, offset, length, deadline } = this.#commandsRecord
    host.callers.runs.addAll(this.#replies, sequence, count, bytes, offset, length, deadline)
    return count
  }

  #isClogged(): boolean {
    return this.#clog?.isClogged ?? false
  }

  #takeControl(reader: MessageReader, now: Millis): void {
    const { kind, view, bytes, offset, length } = reader
    if (kind === RECORD_KIND.read) {
      this.#read(reader, now)
      return
    }
    if (!this.#isHost) {
      this.#place.meter.add('badRecords')
      return
    }
    switch (kind) {
      case RECORD_KIND.message:
        this.#message(reader, now)
        return
      case RECORD_KIND.link: {
        const { peer, up, voterId } = readLink(view, bytes, offset, length)
        this.#place.links.set(peer, { voterId, up })
        this.#forAll((host) => host.step({ kind: 'link', peer, voterId, up }, now))
        return
      }
      case RECORD_KIND.tune: {
        const group = readGroupHead(view, offset, length)
        const command = decodeDetail(bytes, offset + GROUP_HEAD_BYTES, length - GROUP_HEAD_BYTES)
        if (group === ALL_GROUPS) {
          this.#target.onCommand(command as WorkerCommand, now)
          return
        }
        const host = this.#target.host(group)
        if (host === undefined) {
          this.#place.meter.add('badRecords')
          return
        }
        // Its status may be another one then.
        this.#target.touch(host)
        host.keeper.onCommand(command as GroupCommand, now)
        return
      }
      case RECORD_KIND.stop:
        this.#target.stop()
        return
      case RECORD_KIND.ports:
        this.#target.portsChanged()
        return
      default:
        this.#place.meter.add('badRecords')
    }
  }

  #message(reader: MessageReader, now: Millis): void {
    const record = this.#messageRecord
    record.read(reader.view, reader.offset, reader.length)
    const host = this.#target.host(record.group)
    if (host === undefined) {
      this.#place.meter.add('badRecords')
      return
    }
    const message = decodeMessage(reader.bytes, record.offset, record.length, this.#place.messageBounds)
    this.#place.meter.add('messages')
    this.#target.touch(host)
    host.step({ kind: 'message', from: record.from, message }, now)
  }

  #read(reader: MessageReader, now: Millis): void {
    const { view, bytes, offset, length } = reader
    const head = readRead(view, offset, length)
    const host = this.#target.host(head.group)
    if (host === undefined) {
      this.#place.meter.add('badRecords')
      return
    }
    const body = copyOf(bytes, offset + READ_HEAD_BYTES, length - READ_HEAD_BYTES)
    const query = { machineId: head.machineId, flags: head.flags, body, offset: 0, length: body.length }
    this.#target.touch(host)
    const asked = { replies: this.#replies, token: head.token, query }
    if (head.consistency === 'local') host.readLocally(asked)
    else host.read(asked, head.deadline, now)
  }

  #forAll(visit: (host: GroupHost) => void): void {
    for (const host of this.#target.hosts) {
      this.#target.touch(host)
      visit(host)
    }
  }
}

function isCodecError(error: unknown): boolean {
  return (error as { name?: unknown } | null | undefined)?.name === 'CodecError'
}
