import type { MembershipVersion, NodeId } from '../base/numbers.js'

/** 64 random bits as 16 hex digits, born with a data directory: votes name voters, not nodes. */
export type VoterId = string

export interface Voter {
  readonly nodeId: NodeId
  readonly voterId: VoterId
}

/** Who votes, as of a log position. Immutable; a change is a new value with a higher version. */
export class Membership {
  readonly version: MembershipVersion
  readonly voters: readonly Voter[]

  constructor(version: MembershipVersion, voters: readonly Voter[]) {
    this.version = version
    this.voters = [...voters].sort((a, b) => a.nodeId - b.nodeId)
  }

  get majority(): number {
    return Math.floor(this.voters.length / 2) + 1
  }

  isVoter(nodeId: NodeId, voterId: VoterId | undefined): boolean {
    return this.voters.some((voter) => voter.nodeId === nodeId && voter.voterId === voterId)
  }

  hasNode(nodeId: NodeId): boolean {
    return this.voters.some((voter) => voter.nodeId === nodeId)
  }
}
