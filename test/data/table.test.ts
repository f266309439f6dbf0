import { describe, expect, it } from 'vitest';
import { dataFolder } from './folder.ts';

const folder = dataFolder();
const spec = {
  kind: 'csv',
  path: 'patients.csv',
  label: 'ill',
  classes: ['no', 'yes'],
  features: [
    { column: 'age', mean: 50, std: 10 },
    { column: 'pressure', min: 100, max: 200 },
    { column: 'pain', categories: ['none', 'some, or more'] },
    { column: 'dose' },
  ],
  key: 'ward',
};
const header = 'ward,age,pain,pressure,dose,ill';

async function failure(content: string, changes: object = {}): Promise<string> {
  folder.write('patients.csv', content);
  const error = await folder.open({ ...spec, ...changes }).then(
    () => new Error('it opened'),
    (reason) => reason,
  );
  expect(error).toMatchObject({ category: 'input' });
  return error.message;
}

describe('a CSV file', () => {
  it('gives declared scaling, one-hot categories, labels in declared order, and keys', async () => {
    folder.write('patients.csv', `${header}\nA,60,none,150,-2.5e1,yes\nB,45,"some, or more",100,0,no\n`);
    const data = await folder.open(spec);
    expect([...(await data.rows('train', [0, 1]))]).toEqual([1, 0.5, 1, 0, -25, -0.5, 0, 0, 1, 0]);
    expect([...(await data.labels('train'))]).toEqual([1, 0]);
    expect([data.name, data.featureShape, data.classCount, data.keyColumn]).toEqual([
      'patients.csv',
      [5],
      2,
      'ward',
    ]);
    expect(await data.keys({ column: 'ward' })).toEqual(['A', 'B']);
  });

  it('may have a byte-order mark, CRLF, blank lines, spaces, quotes and another delimiter', async () => {
    folder.write(
      'patients.csv',
      '\uFEFFward;age;pain;pressure;dose;ill\r\n\r\n"A ""x""";50; none ;100;1;yes\r\n\r\n',
    );
    const data = await folder.open({ ...spec, delimiter: ';' });
    expect([...(await data.rows('train', [0]))]).toEqual([0, 0, 1, 0, 1]);
    expect(await data.keys({ column: 'ward' })).toEqual(['A "x"']);
  });

  it('takes a test file in the same columns', async () => {
    folder.write('patients.csv', `${header}\nA,60,none,150,1,yes\n`);
    folder.write('test.csv', `${header}\nA,40,none,150,1,no\nA,60,none,150,1,yes\n`);
    const data = await folder.open({ ...spec, testPath: 'test.csv' });
    expect(data.testCount).toBe(2);
    expect([...(await data.labels('test'))]).toEqual([0, 1]);
    expect((await data.rows('test', [0]))[0]).toBe(-1);
  });

  it('without declared classes numbers the sorted labels of both files, numbers by value', async () => {
    const { classes: _, ...undeclared } = spec;
    folder.write('patients.csv', `${header}\nA,60,none,150,1,10\nA,60,none,150,1,9\n`);
    folder.write('test.csv', `${header}\nA,60,none,150,1,2\n`);
    const data = await folder.open({ ...undeclared, testPath: 'test.csv' });
    expect(data.classNames).toEqual(['2', '9', '10']);
    expect([...(await data.labels('train')), ...(await data.labels('test'))]).toEqual([2, 1, 0]);
  });

  it('leaves out rows with a missing value where told to, and their keys with them', async () => {
    folder.write('patients.csv', `${header}\nA,,none,150,1,no\nB,60,none,150,1,yes\nC,60,none,NA,1,yes\n`);
    const data = await folder.open({ ...spec, missing: 'drop' });
    expect(data.trainCount).toBe(1);
    expect(await data.keys({ column: 'ward' })).toEqual(['B']);
    expect(data.notes[0]).toMatch(/2 rows with a missing value/);
  });
});

describe('bad rows of a CSV file', () => {
  it('are reported together, each with its line, column and value', async () => {
    const rows = [
      'A,NaN,none,150,1,no',
      'A,old,none,150,1,no',
      'A,60,lots,150,1,no',
      'A,60,none,150,1,maybe',
    ];
    const message = await failure(`${header}\n${rows.join('\n')}\nA,60,none,Infinity,1e99,no\n`);
    expect(message).toMatch(/patients\.csv: 6 problems/);
    expect(message).toMatch(/line 2, column "age": has no value/);
    expect(message).toMatch(/line 3, column "age": "old" is not a finite number/);
    expect(message).toMatch(/line 4, column "pain": "lots" is none of the declared categories/);
    expect(message).toMatch(/line 5, column "ill": label "maybe" is outside the classes \(no, yes\)/);
    expect(message).toMatch(/line 6, column "pressure": "Infinity" is not a finite number/);
    expect(message).toMatch(/line 6, column "dose": "1e99" is not a finite number/);
  });

  it('are reported ten at a time', async () => {
    const message = await failure(`${header}\n${'A,x,none,150,1,no\n'.repeat(50)}`);
    expect(message.match(/not a finite number/g)?.length).toBe(10);
    expect(message).toMatch(/there may be more/);
  });

  it('include a missing label, and a feature that is there but wrong even when rows may be dropped', async () => {
    expect(await failure(`${header}\nA,60,none,150,1,\n`)).toMatch(/column "ill": has no value/);
    expect(await failure(`${header}\nA,60,none,150,abc,no\n`, { missing: 'drop' })).toMatch(/"abc" is not/);
  });

  it.each(['0x10', '1,5', '1 000', '--1', '1e'])('include the number-like text %s', async (text) => {
    expect(await failure(`${header}\nA,"${text}",none,150,1,no\n`)).toMatch(/is not a finite number/);
  });
});

describe('a CSV file that cannot be read', () => {
  it.each([
    ['without the label column', 'ward,age,pain,pressure,dose,il\n', /no column "ill" — did you mean "il"/],
    ['without a feature column', 'ward,aeg,pain,pressure,dose,ill\n', /no column "age" — did you mean "aeg"/],
    ['without rows', `${header}\n`, /no usable row/],
    ['without anything', '', /is empty/],
    ['with a short line', `${header}\nA,60\n`, /not a well-formed CSV/],
    ['with an open quote', `${header}\n"A,60,none\n`, /not a well-formed CSV/],
    ['with a column twice', 'ill,ill,age,pain,pressure,dose\n', /two columns named "ill"/],
  ])('%s says so', async (_, content, wanted) => {
    expect(await failure(content)).toMatch(wanted);
  });

  it('because it is missing, or a folder, has its own code', async () => {
    await expect(folder.open({ ...spec, path: 'none.csv' })).rejects.toMatchObject({
      code: 'data-file-missing',
    });
    await expect(folder.open({ ...spec, path: '.' })).rejects.toMatchObject({ code: 'data-file-unreadable' });
  });

  it('has an unknown key column reported by name', async () => {
    folder.write('patients.csv', `${header}\nA,60,none,150,1,yes\n`);
    const data = await folder.open(spec);
    await expect(data.keys({ column: 'wards' })).rejects.toThrow(/no column "wards" — did you mean "ward"/);
  });
});

describe('a JSON file of rows', () => {
  const json = { ...spec, kind: 'json', path: 'patients.json' };
  const row = { ward: 'A', age: 60, pain: 'none', pressure: 150, dose: 1, ill: 'yes' };

  it('is read like a CSV file; numbers, texts and booleans are values', async () => {
    folder.write('patients.json', JSON.stringify([row, { ...row, age: '40', dose: true, ill: 'no' }]));
    const data = await folder.open(json);
    expect([...(await data.rows('train', [1, 0]))]).toEqual([-1, 0.5, 1, 0, 1, 1, 0.5, 1, 0, 1]);
    expect([...(await data.labels('train'))]).toEqual([1, 0]);
  });

  it.each([
    ['a feature that is null', JSON.stringify([{ ...row, age: null }]), /row 1, column "age": has no value/],
    ['a feature that is a list', JSON.stringify([{ ...row, age: [1] }]), /row 1, column "age": \[1\] is not/],
    ['a row that lacks a column', JSON.stringify([row, { ill: 'no' }]), /row 2, column "age": has no value/],
    ['no array', '{}', /not a JSON array/],
    ['a row that is no object', '[1]', /row 1 is not an object/],
    ['broken JSON', '[{', /not a JSON array of objects/],
  ])('is refused with %s', async (_, content, wanted) => {
    folder.write('patients.json', content);
    await expect(folder.open(json)).rejects.toThrow(wanted);
  });
});
