import type { Ballot, GroupIndex, Instance } from '../base/numbers.js'
import { CommandReader } from '../codec/command-body.js'
import { valueCodec } from '../codec/commands.js'
import { PAYLOAD_RAW } from '../codec/payload.js'
import { ballotNode, ballotRound } from '../core/ballot.js'
import type { CommandRun } from '../core/command-run.js'
import type { Head, LogRecord } from '../core/durable.js'
import { payloadText, payloadValue } from './payload-text.js'

export interface LineOptions {
  readonly json: boolean
  /** Payloads are not shortened. */
  readonly values: boolean
}

export function headLines(group: GroupIndex, head: Head, { json }: LineOptions): string[] {
  const { promised, chosenUpTo, chain, lastAccepted, firstKept } = head
  if (json) {
    const fields = { promised: ballotFields(promised), chosenUpTo, chain: chainText(chain), lastAccepted, firstKept }
    return [JSON.stringify({ type: 'head', group, ...fields })]
  }
  return [
    `group ${group}: promised ${ballotText(promised)}, chosen up to ${chosenUpTo} with chain ${chainText(chain)}, last accepted ${lastAccepted}, first kept ${firstKept}`,
  ]
}

/** `isChosen`: as the head says; what lies above is accepted here, and may come to nothing. */
export function recordLines(group: GroupIndex, record: LogRecord, isChosen: boolean, options: LineOptions): string[] {
  const { instance, ballot, recoveredTo, version, value } = record
  const runs = valueCodec.decode(value)
  if (options.json) {
    const state = isChosen ? 'chosen' : 'accepted'
    const fields = { ballot: ballotFields(ballot), recoveredTo, version, bytes: value.length }
    return [
      JSON.stringify({
        type: 'record',
        group,
        instance,
        state,
        ...fields,
        runs: runs.map((run) => runFields(run, options)),
      }),
    ]
  }
  const by = ballot === 0 ? 'learned' : `ballot ${ballotText(ballot)}`
  const first = `${group}/${instance}  ${isChosen ? 'chosen' : 'accepted'}  ${by}  ${value.length} B`
  return [first, ...runs.flatMap((run) => runLines(run, options))]
}

export function unreadableLines(group: GroupIndex, instance: Instance, flaw: string, { json }: LineOptions): string[] {
  if (json) return [JSON.stringify({ type: 'unreadable', group, instance, flaw })]
  return [`${group}/${instance}  UNREADABLE (${flaw})`]
}

/** Records that are not there although they should be, or were trimmed before they could be read. */
export function missingLines(
  group: GroupIndex,
  from: Instance,
  upTo: Instance,
  why: string,
  { json }: LineOptions,
): string[] {
  if (json) return [JSON.stringify({ type: 'missing', group, from, upTo, why })]
  return [`${group}/${from}${upTo > from ? `..${upTo}` : ''}  ${why.toUpperCase()}`]
}

function runLines(run: CommandRun, { values }: LineOptions): string[] {
  const { origin, incarnation, session, sequence, count, body } = run
  const from = `  from node ${origin} (${incarnation})`
  if (session === 0) return [`${from}: opens a session`]
  const last = sequence + count - 1
  const numbers = count === 0 ? 'no commands' : count === 1 ? `command ${sequence}` : `commands ${sequence}..${last}`
  const lines = [`${from}: session ${session}, ${numbers}`]
  const reader = new CommandReader(body)
  while (reader.next())
    lines.push(
      `    machine ${reader.machineId}: ${payloadText(reader.flags, body, reader.offset, reader.length, values)}`,
    )
  return lines
}

function runFields(run: CommandRun, { values }: LineOptions): object {
  const { body, ...fields } = run
  const commands: object[] = []
  const reader = new CommandReader(body)
  while (reader.next()) {
    const { machineId: machine, flags, offset, length } = reader
    const payload = values ? payloadValue(flags, body, offset, length) : payloadText(flags, body, offset, length, false)
    commands.push({ machine, encoding: flags === PAYLOAD_RAW ? 'raw' : 'cbor', bytes: length, payload })
  }
  return { ...fields, commands }
}

/** Round and node. */
function ballotText(ballot: Ballot): string {
  return ballot === 0 ? 'nothing' : `${ballotRound(ballot)}.${ballotNode(ballot)}`
}

function ballotFields(ballot: Ballot): object | null {
  return ballot === 0 ? null : { round: ballotRound(ballot), node: ballotNode(ballot) }
}

export function chainText(chain: number): string {
  return chain.toString(16).padStart(8, '0')
}
