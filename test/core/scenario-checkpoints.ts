import type { NodeId } from '../../src/base/numbers.js'
import type { Base } from '../../src/core/durable.js'
import type { Transfer } from '../../src/core/effects.js'
import type { PartStored } from '../../src/core/input.js'
import { Incoming, makeCheckpoint, type SimCheckpoint } from '../simulation/sim-checkpoint.js'
import type { NodeModel, Outgoing } from '../support/core-node.js'

/** Of the data of a checkpoint; its manifest is one part more. */
const BLOCKS = 2

/** The checkpoints on the disks of a scenario: what the cores want of them is done at once. */
export class ScenarioCheckpoints {
  private readonly own = new Map<NodeId, SimCheckpoint>()
  private readonly incoming = new Map<NodeId, Incoming>()

  take(model: NodeModel, out: Outgoing[]): void {
    this.own.set(model.nodeId, makeCheckpoint({ ...model.save(out), executed: 0 }, `${model.nodeId}`, BLOCKS))
    this.tell(model, out)
  }

  /** Carries out what the core has asked for; the lines that say what came of it. */
  serve(model: NodeModel, up: readonly NodeId[], out: Outgoing[]): string[] {
    const lines: string[] = []
    for (let transfer = model.transfers.shift(); transfer; transfer = model.transfers.shift()) {
      lines.push(...this.carryOut(model, transfer, up, out))
    }
    return lines
  }

  private carryOut(model: NodeModel, transfer: Transfer, up: readonly NodeId[], out: Outgoing[]): string[] {
    const { nodeId } = model
    switch (transfer.kind) {
      case 'read': {
        const { peer, session, part } = transfer
        const bytes = this.own.get(nodeId)?.parts[part] ?? new Uint8Array(0)
        model.input({ kind: 'part-read', peer, session, part, bytes }, out)
        return []
      }
      case 'begin': {
        const { session, ...ref } = transfer
        this.incoming.set(nodeId, new Incoming(ref))
        this.answer(model, session, 'open', out)
        return []
      }
      case 'store': {
        const { session, part, bytes } = transfer
        this.answer(model, session, this.of(nodeId).append(bytes), out)
        return [`${nodeId}  stores part ${part} of checkpoint ${this.of(nodeId).ref.instance}`]
      }
      case 'load': {
        const checkpoint = this.of(nodeId).finish()
        const { executedUpTo, chain, sessions }: Base = checkpoint.state()
        this.own.set(nodeId, checkpoint)
        model.load({ executedUpTo, chain, sessions }, out, up)
        this.tell(model, out)
        const { firstKept } = model.group
        return [`${nodeId}  loads checkpoint ${executedUpTo}: its log begins at ${firstKept}`]
      }
      case 'make':
        this.take(model, out)
        return [`${nodeId}  makes checkpoint ${model.base.executedUpTo}`]
    }
  }

  private answer(model: NodeModel, session: number, state: PartStored['state'], out: Outgoing[]): void {
    const { next, known } = this.of(model.nodeId)
    model.input({ kind: 'part-stored', session, next, known, state, sharers: 1 }, out)
  }

  private tell(model: NodeModel, out: Outgoing[]): void {
    const checkpoint = this.own.get(model.nodeId)?.ref
    model.input({ kind: 'checkpoint', checkpoint, paysFrom: Number.POSITIVE_INFINITY }, out)
  }

  private of(nodeId: NodeId): Incoming {
    const incoming = this.incoming.get(nodeId)
    if (!incoming) throw new Error(`node ${nodeId} receives no checkpoint`)
    return incoming
  }
}
