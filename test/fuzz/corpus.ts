import fc from 'fast-check'
import { FrameBuilder } from '../../src/codec/frame.js'
import { encodedSize, encodeMessage } from '../../src/codec/messages.js'
import type { Message } from '../../src/core/messages.js'
import { message } from '../codec/arbitraries.js'
import { counterMachine } from '../worker/support/counter-machine.js'
import { NODES, TestCluster } from '../worker/support/test-cluster.js'

/** Small, so that a length field that is believed shows. */
export const LIMITS = {
  maxFrameBytes: 1 << 20,
  maxMessageBytes: 1 << 18,
  maxValueBytes: 1 << 17,
  maxControlBytes: 1 << 16,
}

const SEED = 20261121

export function sampled<T>(arbitrary: fc.Arbitrary<T>, count: number): T[] {
  return fc.sample(arbitrary, { seed: SEED, numRuns: count })
}

export interface RecordedMessage {
  readonly group: number
  readonly bytes: Uint8Array
}

/**
 * What the workers of a small cluster sent one another, some of each kind: the steady state, forwarding, a leader cut
 * off and its successor, a node that comes back behind, reads.
 */
export function recordMessages(ofEachKind = 12): RecordedMessage[] {
  const cluster = new TestCluster({
    machines: [counterMachine],
    stores: [[0, 1], [2]],
    tuning: { learnChunkBytes: 400 },
  })
  const recorded: RecordedMessage[] = []
  const counts = new Map<number, number>()
  for (const node of NODES) {
    const host = cluster.host(node)
    const deliver = host.message.bind(host)
    host.message = (group, from, bytes) => {
      const kind = bytes[0] ?? 0
      const count = (counts.get(kind) ?? 0) + 1
      counts.set(kind, count)
      if (count <= ofEachKind) recorded.push({ group, bytes: Uint8Array.from(bytes) })
      deliver(group, from, bytes)
    }
  }
  const propose = (count: number, nodes: readonly number[]) => {
    for (let i = 0; i < count; i++) cluster.host(nodes[i % nodes.length] ?? 1).propose(i % 3, { add: i + 1 })
    cluster.runFor(300)
  }
  propose(9, NODES)
  cluster.host(3).read(0, 1, null)
  cluster.host(2).read(1, 2, null)
  cluster.runFor(300)
  // Whoever leads by now: another one has to, with what was accepted and is not known chosen.
  for (const away of NODES) {
    cluster.cut.add(away)
    const others = NODES.filter((node) => node !== away)
    propose(12, others)
    cluster.runFor(4000)
    cluster.cut.delete(away)
    for (const peer of others) {
      const up = (node: number) => ({ peer: node, voterId: node.toString(16).padStart(16, '0'), up: true })
      cluster.host(peer).link(up(away))
      cluster.host(away).link(up(peer))
    }
    propose(6, NODES)
    cluster.runFor(2000)
  }
  return recorded
}

/** Every kind of message, with whatever its fields may hold. */
export function encodedMessages(count: number): Uint8Array[] {
  return sampled(message, count).map(encoded)
}

export function encoded(one: Message): Uint8Array {
  const bytes = new Uint8Array(encodedSize(one))
  encodeMessage(one, bytes, 0)
  return bytes
}

/** Frames as a node sends them: a few messages each. */
export function framesOf(messages: readonly RecordedMessage[], perFrame = 4): Uint8Array[] {
  const builder = new FrameBuilder(LIMITS)
  const frames: Uint8Array[] = []
  for (const [i, { group, bytes }] of messages.entries()) {
    builder.append(group, bytes, 0, bytes.length)
    if ((i + 1) % perFrame === 0) frames.push(builder.take())
  }
  if (!builder.isEmpty) frames.push(builder.take())
  return frames
}
