import { parse } from '@marcbachmann/cel-js'

/** What is wrong with the syntax of a CEL expression; undefined if nothing. */
export function faultOfCel(expression: string): string | undefined {
  try {
    parse(expression)
    return undefined
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0]
  }
}
