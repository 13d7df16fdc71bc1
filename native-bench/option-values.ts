import { InvalidArgumentError } from 'commander'

/** Readers of the values of command line options. What they throw, the command line prints behind the option's name. */
type Reader<T> = (text: string) => T

export function numberFrom(low: number, high: number): Reader<number> {
  return (text) => {
    const value = Number(text)
    if (text !== '' && value >= low && value <= high) return value
    throw new InvalidArgumentError(`It takes a number from ${low} to ${high}.`)
  }
}

export function wholeFrom(low: number, high: number): Reader<number> {
  return (text) => {
    const value = numberFrom(low, high)(text)
    if (Number.isInteger(value)) return value
    throw new InvalidArgumentError(`It takes a whole number from ${low} to ${high}.`)
  }
}

export function oneOf<T extends string>(names: readonly T[]): Reader<T> {
  return (text) => {
    const name = names.find((known) => known === text)
    if (name !== undefined) return name
    throw new InvalidArgumentError(`It takes ${names.join(', ')}.`)
  }
}
