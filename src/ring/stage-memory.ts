import { historyBytes, PositionHistory } from './position-history.js'

/** Notes of one stage of one group: at some thousand rounds a second, the last few tenths of one. */
const NOTES = 2048

/** Histories of positions, one for each group of a worker and each stage. */
export function allocateStages(groups: number, stages: number): SharedArrayBuffer {
  return new SharedArrayBuffer(groups * stages * historyBytes(NOTES))
}

/** By group within the worker, then by stage. The worker writes; whoever else has them only looks. */
export function openStages(memory: SharedArrayBuffer, groups: number, stages: number): PositionHistory[][] {
  const bytes = historyBytes(NOTES)
  return Array.from({ length: groups }, (_, group) =>
    Array.from({ length: stages }, (_, stage) => new PositionHistory(memory, (group * stages + stage) * bytes, NOTES)),
  )
}
