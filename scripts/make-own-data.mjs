/**
 * Writes topologies/own-data/<island>.csv from the shipped penguins: one file per island, as three silos would each have their own,
 * and shared-test.csv with every sixth row of all, as a published reference that everybody has. Rows without sex or measurements
 * are left out. Run: node scripts/make-own-data.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';

const topologies = new URL('../topologies/', import.meta.url);
const penguins = JSON.parse(readFileSync(new URL('data/penguins.json', topologies), 'utf8'));
const columns = {
  species: 'Species',
  sex: 'Sex',
  bill_length_mm: 'Beak Length (mm)',
  bill_depth_mm: 'Beak Depth (mm)',
  flipper_length_mm: 'Flipper Length (mm)',
  body_mass_g: 'Body Mass (g)',
};

const complete = penguins
  .map((penguin) => ({ ...penguin, Sex: penguin.Sex?.toLowerCase() }))
  .filter(({ Sex }) => Sex === 'male' || Sex === 'female');
const isShared = (_row, index) => index % 6 === 0;
write('shared-test.csv', complete.filter(isShared));
const owned = complete.filter((row, index) => !isShared(row, index));
for (const island of new Set(owned.map(({ Island }) => Island))) {
  write(
    `${island.toLowerCase()}.csv`,
    owned.filter(({ Island }) => Island === island),
  );
}

/** @param {string} file @param {Record<string, unknown>[]} rows */
function write(file, rows) {
  const lines = rows.map((row) =>
    Object.values(columns)
      .map((name) => row[name])
      .join(','),
  );
  const text = [Object.keys(columns).join(','), ...lines].join('\n');
  writeFileSync(new URL(`own-data/${file}`, topologies), `${text}\n`);
  console.log(`${file}: ${rows.length} rows`);
}
