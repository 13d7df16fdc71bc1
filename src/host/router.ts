import type { GroupIndex, NodeId } from '../base/numbers.js'
import { FrameBuilder, frameOf, readFrame } from '../codec/frame.js'
import { SendRecord } from '../codec/worker-records.js'
import type { Transport } from '../net/transport.js'
import type { Limits } from './limits.js'
import { codeOf } from './paxos-error.js'
import type { WorkerPort } from './worker-port.js'

/** What did not get through, although the link is up: nobody else will say it again. */
export interface Losses {
  /** A frame to `peer`. */
  out(peer: NodeId): void
  /** A message for `group` of this node. */
  in(group: GroupIndex): void
}

/** From here on a message has a frame of its own. */
const LARGE_BYTES = 16 * 1024

/** What the router needs of the transport. */
export type Wire = Pick<Transport, 'send'>

interface Peer {
  readonly nodeId: NodeId
  readonly frames: FrameBuilder
}

export interface RouterCounts {
  framesOut: number
  framesIn: number
  messagesOut: number
  messagesIn: number
  bytesOut: number
  bytesIn: number
  /** Frames given up because the link was down or full. */
  framesDropped: number
  /** Messages for a group that this node does not have, or whose worker is away. */
  droppedNoGroup: number
  /** Frames that were no frames. */
  refusedFrames: number
}

/**
 * Between the workers' rings and the sockets. Out: all messages of one turn for one peer leave as one frame. In: each
 * message of a frame is copied into the control inbox of its group's worker. Neither way decodes a message.
 */
export class Router {
  readonly counts: RouterCounts = {
    framesOut: 0,
    framesIn: 0,
    messagesOut: 0,
    messagesIn: 0,
    bytesOut: 0,
    bytesIn: 0,
    framesDropped: 0,
    droppedNoGroup: 0,
    refusedFrames: 0,
  }
  /** By slot: the position in the ascending list of node ids; undefined for this node itself. */
  readonly #peers: (Peer | undefined)[]
  readonly #wire: Wire
  readonly #limits: Limits
  readonly #portOf: (group: GroupIndex) => WorkerPort | undefined
  readonly #losses: Losses
  readonly #record = new SendRecord()

  constructor(
    nodeIds: readonly NodeId[],
    nodeId: NodeId,
    wire: Wire,
    limits: Limits,
    portOf: (group: GroupIndex) => WorkerPort | undefined,
    losses: Losses,
  ) {
    this.#peers = nodeIds.map((id) => (id === nodeId ? undefined : { nodeId: id, frames: new FrameBuilder(limits) }))
    this.#wire = wire
    this.#limits = limits
    this.#portOf = portOf
    this.#losses = losses
  }

  /** A SEND record of a worker. */
  route(view: DataView, bytes: Uint8Array, offset: number, length: number): void {
    const record = this.#record
    record.read(view, offset, length)
    if (record.length >= LARGE_BYTES && this.#share(record, bytes)) return
    for (let slot = 0; slot < this.#peers.length; slot++) {
      const peer = this.#peers[slot]
      if (peer !== undefined && record.has(slot)) this.#append(peer, record.group, bytes, record.offset, record.length)
    }
  }

  /** A message the host made itself (status). */
  send(to: NodeId, group: GroupIndex, message: Uint8Array): void {
    const peer = this.#peers.find((candidate) => candidate?.nodeId === to)
    if (peer !== undefined) this.#append(peer, group, message, 0, message.length)
  }

  /** At the end of a turn: what was gathered leaves. */
  flush(): void {
    for (const peer of this.#peers) if (peer !== undefined && !peer.frames.isEmpty) this.#transmit(peer)
  }

  /** A protocol frame of a peer; the bytes are void when this returns. */
  receive(from: NodeId, frame: Uint8Array): void {
    const { counts } = this
    counts.framesIn++
    counts.bytesIn += frame.length
    try {
      readFrame(
        frame,
        (group, offset, length) => {
          counts.messagesIn++
          const port = this.#portOf(group)
          if (port === undefined) counts.droppedNoGroup++
          else if (port.message(group, from, frame, offset, length)) return
          this.#losses.in(group)
        },
        this.#limits,
      )
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      // Only a defect or a broken line can make one: the handshake has let nobody else in.
      counts.refusedFrames++
    }
  }

  #append(peer: Peer, group: GroupIndex, bytes: Uint8Array, offset: number, length: number): void {
    if (!peer.frames.append(group, bytes, offset, length)) {
      this.#transmit(peer)
      if (!peer.frames.append(group, bytes, offset, length)) return
    }
    this.counts.messagesOut++
  }

  /** Large messages leave at once, in one frame for all: copied and checksummed once. False: it is too large for a frame. */
  #share({ group, offset, length }: SendRecord, bytes: Uint8Array): boolean {
    const frame = frameOf(group, bytes, offset, length, this.#limits)
    if (frame === undefined) return false
    for (let slot = 0; slot < this.#peers.length; slot++) {
      const peer = this.#peers[slot]
      if (peer === undefined || !this.#record.has(slot)) continue
      // Nothing overtakes what was gathered before it.
      if (!peer.frames.isEmpty) this.#transmit(peer)
      this.counts.messagesOut++
      this.#send(peer, frame)
    }
    return true
  }

  #transmit(peer: Peer): void {
    this.#send(peer, peer.frames.take())
  }

  #send(peer: Peer, frame: Uint8Array): void {
    const { counts } = this
    if (this.#wire.send(peer.nodeId, frame) !== 'sent') {
      // Down or full: the protocol repairs what it lost, and a peer that is far behind learns.
      counts.framesDropped++
      this.#losses.out(peer.nodeId)
      return
    }
    counts.framesOut++
    counts.bytesOut += frame.length
  }
}
