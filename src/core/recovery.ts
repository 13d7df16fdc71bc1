import type { Ballot, Instance } from '../base/numbers.js'
import type { Value } from './command-run.js'
import type { AcceptedRecord } from './durable.js'

/**
 * What a new leader must propose again, given every record that a majority reported for the instances above
 * `chosenUpTo`: in order, without gaps.
 *
 * Let `bmax` be the highest ballot reported. A record below `bmax` for an instance above `recoveredTo(bmax)` was not
 * seen by the majority that promised `bmax`: it was never chosen and can no longer be. Reviving it would be safe for
 * that instance alone, but would leave holes and old values behind newer ones.
 */
export function recover(chosenUpTo: Instance, records: Iterable<AcceptedRecord>): Value[] {
  const best = new Map<Instance, AcceptedRecord>()
  let highest: { ballot: Ballot; recoveredTo: Instance } = { ballot: 0, recoveredTo: 0 }
  for (const record of records) {
    if (record.instance <= chosenUpTo) continue
    if (record.ballot > highest.ballot) highest = record
    const known = best.get(record.instance)
    if (!known || record.ballot > known.ballot) best.set(record.instance, record)
  }
  const values: Value[] = []
  for (let instance = chosenUpTo + 1; ; instance++) {
    const record = best.get(instance)
    if (!record) break
    if (record.ballot < highest.ballot && instance > highest.recoveredTo) break
    values.push(record.value)
  }
  return values
}
