import type { Ballot } from '../../src/base/numbers.js'
import { ballotNode, ballotRound } from '../../src/core/ballot.js'
import type { CommandRun, Value } from '../../src/core/command-run.js'
import type { AcceptedRecord } from '../../src/core/durable.js'
import type { Message } from '../../src/core/messages.js'
import { bodyText, testValues } from './core-values.js'

/** Words for transcripts and traces: what a person reads when a scenario changes or a seed fails. */

/** `round.node`; `-` for the ballot below all others. */
export function ballotName(ballot: Ballot): string {
  return ballot === 0 ? '-' : `${ballotRound(ballot)}.${ballotNode(ballot)}`
}

function runName(run: CommandRun): string {
  if (run.session === 0) return `session of ${run.origin}`
  const text = bodyText(run.body)
  return run.body.length <= 24 && /^[ -~]*$/.test(text) ? `"${text}"` : `${run.origin}#${run.sequence}`
}

export function valueName(value: Value): string {
  return runsName(testValues.decode(value))
}

function runsName(runs: readonly CommandRun[]): string {
  return runs.map(runName).join(' + ')
}

export function recordName(record: AcceptedRecord): string {
  const at = record.ballot === 0 ? 'chosen' : `b=${ballotName(record.ballot)} r=${record.recoveredTo}`
  return `${record.instance}:${valueName(record.value)} ${at}`
}

/** One message as one line. */
export function messageName(m: Message): string {
  switch (m.kind) {
    case 'probe':
      return `PROBE ${m.probe}`
    case 'free':
      return `FREE ${m.probe} promised=${ballotName(m.promised)} chosen=${m.chosenUpTo}`
    case 'busy':
      return `BUSY ${m.probe} b=${ballotName(m.ballot)}`
    case 'prepare':
      return `PREPARE b=${ballotName(m.ballot)} from=${m.from}`
    case 'promise':
      return `PROMISE b=${ballotName(m.ballot)} chosen=${m.chosenUpTo} [${m.records.map(recordName).join(', ')}]`
    case 'behind':
      return `BEHIND b=${ballotName(m.ballot)} chosen=${m.chosenUpTo}`
    case 'nack':
      return `NACK b=${ballotName(m.ballot)} promised=${ballotName(m.promised)}`
    case 'accept':
      return `ACCEPT b=${ballotName(m.ballot)} i=${m.instance} ${valueName(m.value)} r=${m.recoveredTo} chosen=${m.chosenUpTo}`
    case 'accepted':
      return `ACCEPTED b=${ballotName(m.ballot)} upTo=${m.upTo}`
    case 'gap':
      return `GAP b=${ballotName(m.ballot)} next=${m.next}`
    case 'chosen':
      return `CHOSEN b=${ballotName(m.ballot)} upTo=${m.upTo}`
    case 'learn':
      return `LEARN from=${m.from}${m.want === 'stream' ? '' : ` ${m.want}`}`
    case 'learned':
      return `LEARNED from=${m.from} [${m.values.map(valueName).join(', ')}] of ${m.chosenUpTo}${m.done ? ' done' : ''}`
    case 'learn-ack':
      return `LEARN-ACK upTo=${m.upTo}`
    case 'forward':
      return `FORWARD ${runsName(m.runs)} hops=${m.hops}`
    case 'redirect':
      return `REDIRECT b=${ballotName(m.ballot)}`
    case 'ask-read-point':
      return `ASK-READ-POINT ${m.round}`
    case 'read-point':
      return `READ-POINT ${m.round} point=${m.point}`
    case 'offer':
      return `OFFER checkpoint=${m.instance}`
    case 'fetch':
      return `FETCH checkpoint=${m.instance} part=${m.part}`
    case 'part':
      return `PART ${m.part} of ${m.bytes.length} bytes`
    case 'status':
      return `STATUS chosen=${m.chosenUpTo} accepted=${m.lastAccepted} leader=${ballotName(m.leader)}`
  }
}
