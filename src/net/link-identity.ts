import type { NodeId } from '../base/numbers.js'
import { NetError } from './net-error.js'
import type { RefusalCode } from './refusal.js'

/** Who a process is on the wire. Told by both sides of each link, and covered by the proof of the secret. */
export interface LinkIdentity {
  /** At most 64 printable ASCII characters; '' while the node is unborn. */
  readonly clusterId: string
  /** 1..65535. */
  readonly nodeId: NodeId
  /** 16 hex digits, born with the data directory. */
  readonly voterId: string
  /** 16 hex digits, drawn at each start of the process: one *life*. */
  readonly incarnation: string
  /** Information only; 0..2^32-1. */
  readonly groupCount: number
  /** The protocol versions this process speaks, both ends included; 1..65535. */
  readonly protocolMin: number
  readonly protocolMax: number
}

export interface PeerAddress {
  readonly nodeId: NodeId
  /** A host name, an IPv4 or an IPv6 address (without brackets). */
  readonly host: string
  readonly port: number
}

export const clusterIdPattern = /^[\x20-\x7e]{0,64}$/
const id64 = /^[0-9a-f]{16}$/

const isUint = (value: number, low: number, high: number): boolean =>
  Number.isInteger(value) && value >= low && value <= high

/** Throws `IDENTITY_INVALID` for what the handshake could not carry. */
export function checkIdentity(identity: LinkIdentity): void {
  const wrong = !clusterIdPattern.test(identity.clusterId)
    ? 'clusterId takes at most 64 printable ASCII characters'
    : !isUint(identity.nodeId, 1, 65535)
      ? 'nodeId takes a whole number in 1..65535'
      : !id64.test(identity.voterId) || !id64.test(identity.incarnation)
        ? 'voterId and incarnation take 16 lower-case hex digits'
        : !isUint(identity.groupCount, 0, 0xffffffff)
          ? 'groupCount takes a whole number in 0..2^32-1'
          : !isUint(identity.protocolMin, 1, 65535) || !isUint(identity.protocolMax, identity.protocolMin, 65535)
            ? 'protocolMin and protocolMax take whole numbers in 1..65535, in this order'
            : undefined
  if (wrong !== undefined) throw new NetError('IDENTITY_INVALID', `The identity cannot be sent: ${wrong}.`)
}

export function sameIdentity(a: LinkIdentity, b: LinkIdentity): boolean {
  return (
    a.clusterId === b.clusterId &&
    a.nodeId === b.nodeId &&
    a.voterId === b.voterId &&
    a.incarnation === b.incarnation &&
    a.groupCount === b.groupCount &&
    a.protocolMin === b.protocolMin &&
    a.protocolMax === b.protocolMax
  )
}

/** The highest protocol version that both speak. Meaningful only after `judgeIdentity` found nothing. */
export function commonVersion(a: LinkIdentity, b: LinkIdentity): number {
  return Math.min(a.protocolMax, b.protocolMax)
}

/** What speaks against a link between the two, apart from the secret. Both sides come to the same answer. */
export function judgeIdentity(own: LinkIdentity, theirs: LinkIdentity): RefusalCode | undefined {
  if (own.nodeId === theirs.nodeId) return 'SELF'
  // An unborn node may link with anyone who knows the secret: this is how it hears of the cluster it is to join.
  if (own.clusterId !== '' && theirs.clusterId !== '' && own.clusterId !== theirs.clusterId) return 'CLUSTER_MISMATCH'
  if (commonVersion(own, theirs) < Math.max(own.protocolMin, theirs.protocolMin)) return 'VERSION_MISMATCH'
  return undefined
}
