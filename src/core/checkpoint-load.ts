import type { Base, Head } from './durable.js'

/**
 * The head that loading a checkpoint writes, in one commit with everything that waited for the disk: what it covers is
 * chosen, and the log begins behind it. It takes nothing back. The promise and the accepted tail above the checkpoint
 * stay, for votes were told of them; what was accepted below it is chosen, one way or the other, and void.
 */
export function headAfterLoad(head: Head, { executedUpTo, chain }: Pick<Base, 'executedUpTo' | 'chain'>): Head {
  const isAhead = executedUpTo > head.chosenUpTo
  return {
    promised: head.promised,
    chosenUpTo: isAhead ? executedUpTo : head.chosenUpTo,
    chain: isAhead ? chain : head.chain,
    lastAccepted: Math.max(head.lastAccepted, executedUpTo),
    firstKept: Math.max(head.firstKept, executedUpTo + 1),
  }
}
