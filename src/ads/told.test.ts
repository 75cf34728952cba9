import { expect, it } from 'vitest'
import { ToldTexts } from './told.ts'

const textsOf = (...texts: (string | Buffer)[]): string[] => {
  const parts = texts.map((text) => Buffer.from(text))
  const told = new ToldTexts(Buffer.concat(parts))
  let at = 0
  return parts.map(({ length }) => told.text(at, (at += length)))
}

it('reads texts of any language, told for the first time or again', () => {
  const texts = ['outbound|80||a.b.svc', '', 'süd', 'Ã¼', 'ü', '日本', '🙂', 'outbound|80||a.b.svc']
  expect(textsOf(...texts)).toEqual(texts)
  expect(textsOf(...texts.toReversed())).toEqual(texts.toReversed())
})

it('takes what is no UTF-8 for what it reads as, and for nothing else', () => {
  expect(textsOf(Buffer.from([0xff]), Buffer.from([0xfc]), '\ufffd', 'ÿ')).toEqual(['\ufffd', '\ufffd', '\ufffd', 'ÿ'])
})

it('forgets old texts, and reads them again', () => {
  expect(textsOf('kept')).toEqual(['kept'])
  const many = Array.from({ length: 100_000 }, (_, i) => `name-${i}`)
  expect(textsOf(...many)).toEqual(many)
  expect(textsOf('kept')).toEqual(['kept'])
})
