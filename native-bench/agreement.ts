import { setTimeout as sleep } from 'node:timers/promises'
import type { GroupState } from './bench-node.js'
import { whole } from './measure.js'

/** What the callers know: how many commands took effect, and of how many more they cannot say. */
export interface Acknowledged {
  readonly acknowledged: number
  readonly unknown: number
  /** Of each group, the most commands that a read has seen executed. */
  readonly highestRead?: readonly number[]
  /** One sentence for each read that saw too little. */
  readonly staleReads?: readonly string[]
}

export interface Agreement {
  readonly agree: boolean
  /** Commands executed on node 1, all groups together. */
  readonly executed: number
  /** One sentence for each difference. */
  readonly differences: readonly string[]
}

const POLL_MS = 100

/** Waits until all nodes are at the same position and compares them; after `timeoutMs` what differs then is the answer. */
export async function waitForAgreement(
  read: () => Promise<GroupState[][]>,
  known: Acknowledged,
  timeoutMs: number,
): Promise<Agreement> {
  let quiet = false
  for (const deadline = performance.now() + timeoutMs; ; await sleep(POLL_MS)) {
    const states = await read()
    const agreement = compare(states, known)
    if (agreement.agree || performance.now() > deadline) return agreement
    // Positions may still come together; what differs at one position never does. But a node's state and its position
    // are read one after the other: only what was read when all had come together already is of one moment.
    if (quiet) return agreement
    quiet = samePositions(states)
  }
}

function samePositions(nodes: readonly GroupState[][]): boolean {
  return nodes.every((groups) =>
    groups.every(({ chosenUpTo, executedUpTo }, i) => {
      const first = nodes[0]?.[i]
      return executedUpTo === chosenUpTo && chosenUpTo === first?.chosenUpTo
    }),
  )
}

export function compare(nodes: readonly GroupState[][], known: Acknowledged): Agreement {
  const { acknowledged, unknown, highestRead = [], staleReads = [] } = known
  const differences = [...staleReads]
  const [first = []] = nodes
  nodes.forEach((groups, node) => {
    if (groups.length !== first.length) differences.push(`node ${node + 1} has ${groups.length} groups`)
    groups.forEach((state, i) => {
      const expected = first[i]
      for (const name of ['chosenUpTo', 'executedUpTo', 'chain', 'digest', 'digestAt', 'executed', 'sum'] as const) {
        if (state[name] === expected?.[name]) continue
        differences.push(`group ${i}: ${name} is ${expected?.[name]} on node 1, ${state[name]} on node ${node + 1}`)
      }
      if (state.executedUpTo === state.chosenUpTo) return
      differences.push(`group ${i}: node ${node + 1} has not executed all that it knows chosen`)
    })
  })
  const executed = first.reduce((total, state) => total + state.executed, 0)
  if (executed < acknowledged || executed > acknowledged + unknown) {
    const told = `${whole(acknowledged)} commands were acknowledged, ${whole(unknown)} are unknown to their callers`
    differences.push(`${told}, ${whole(executed)} were executed`)
  }
  highestRead.forEach((seen, group) => {
    const { executed } = first[group]!
    if (!(seen <= executed)) differences.push(`group ${group}: a read saw ${seen} commands, there are ${executed}`)
  })
  return { agree: differences.length === 0, executed, differences }
}

export function agreementLine({ agree, executed, differences }: Agreement, nodes: number): string {
  if (agree) return `all ${nodes} nodes agree: ${whole(executed)} commands, equal chains and digests in every group`
  return `THE NODES DIFFER\n${differences.map((line) => `  ${line}`).join('\n')}`
}
