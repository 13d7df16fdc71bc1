import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { NodeId } from '../base/numbers.js'
import type { VoterId } from '../core/membership.js'

/** Under which a cluster votes; made once, the same on all nodes, kept in each manifest. */
export interface Genesis {
  /** 64 random bits as 16 hex digits. */
  readonly clusterId: string
  readonly groupCount: number
  /** What `groupFor` hashes over; stays when groups are added. */
  readonly routingGroups: number
  readonly voters: readonly { readonly nodeId: NodeId; readonly voterId: VoterId }[]
}

const hex64 = z.string().regex(/^[0-9a-f]{16}$/)
const genesisSchema = z.strictObject({
  clusterId: hex64,
  groupCount: z.number().int().min(1).max(65_534),
  routingGroups: z.number().int().min(1).max(65_534),
  voters: z
    .array(z.strictObject({ nodeId: z.number().int().min(1).max(65_535), voterId: hex64 }))
    .min(1)
    .readonly(),
})

const messageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('genesis-ask') }),
  z.strictObject({
    kind: z.literal('genesis-answer'),
    voterId: hex64,
    /** The configured list of the answering node: a birth needs all nodes to mean the same cluster. */
    nodes: z.array(z.number().int()),
    genesis: genesisSchema.nullable(),
  }),
])
export type GenesisMessage = z.output<typeof messageSchema>

/** A control payload that came from a peer; undefined if it is nothing of ours. */
export function readGenesisMessage(payload: unknown): GenesisMessage | undefined {
  const result = messageSchema.safeParse(payload)
  return result.success ? result.data : undefined
}

export interface BirthOptions {
  readonly nodeId: NodeId
  readonly voterId: VoterId
  /** The configured list, ascending. */
  readonly nodeIds: readonly NodeId[]
  readonly create: boolean
  readonly groups: number
  send(peer: NodeId, message: GenesisMessage): void
}

/**
 * How a node without a genesis comes to one: it asks all listed nodes again and again. One that has a genesis hands it
 * out, and it is taken. Only if all have answered, and all are empty, does the lowest node draw a new one; the others
 * learn of it by asking on. A birth that broke off half way is completed by running it again.
 */
export class Birth {
  readonly #options: BirthOptions
  readonly #empty = new Map<NodeId, VoterId>()
  #found: Genesis | undefined
  /** Why no birth is possible as things stand, in words. */
  #refusal: string | undefined

  constructor(options: BirthOptions) {
    this.#options = options
    this.#draw()
  }

  get found(): Genesis | undefined {
    return this.#found
  }

  get refusal(): string | undefined {
    return this.#refusal
  }

  /** Listed nodes that have not answered. */
  get waitingFor(): readonly NodeId[] {
    return this.#peers().filter((peer) => !this.#empty.has(peer))
  }

  /** To be called on every new link, and every now and then. */
  ask(): void {
    if (this.#found !== undefined) return
    for (const peer of this.#peers()) this.#options.send(peer, { kind: 'genesis-ask' })
  }

  /** A node that went away may come back as another one. */
  linkDown(peer: NodeId): void {
    this.#empty.delete(peer)
  }

  answered(from: NodeId, message: GenesisMessage & { kind: 'genesis-answer' }): void {
    if (this.#found !== undefined || !this.#options.nodeIds.includes(from)) return
    if (message.genesis !== null) {
      this.#found = message.genesis
      return
    }
    const { nodeIds } = this.#options
    if (message.nodes.join() !== nodeIds.join()) {
      this.#refusal = `node ${from} was started with the nodes ${message.nodes.join(', ')}, this one with ${nodeIds.join(', ')}`
      this.#empty.delete(from)
      return
    }
    this.#empty.set(from, message.voterId)
    this.#draw()
  }

  #peers(): NodeId[] {
    return this.#options.nodeIds.filter((id) => id !== this.#options.nodeId)
  }

  #draw(): void {
    const { create, nodeId, nodeIds, voterId, groups } = this.#options
    if (!create || nodeId !== nodeIds[0] || this.waitingFor.length > 0) return
    this.#found = {
      clusterId: randomBytes(8).toString('hex'),
      groupCount: groups,
      routingGroups: groups,
      voters: nodeIds.map((id) => ({
        nodeId: id,
        voterId: id === nodeId ? voterId : (this.#empty.get(id) as VoterId),
      })),
    }
  }
}
