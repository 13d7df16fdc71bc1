import { loadStateMachines } from '../src/state-machine/load.js'

/**
 * Loads the state machines as a group's worker will, before the node touches its data: a module that does not load is
 * an error of the start. In a thread, because what it does while loading is the user's. Returns the machines' ids.
 */
export default async function probeMachines(urls: readonly string[]): Promise<number[]> {
  const machines = await loadStateMachines(urls)
  return machines.map((machine) => machine.id)
}
