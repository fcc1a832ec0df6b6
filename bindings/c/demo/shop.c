#include "shop.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "screen.h"
#include "zipf.h"

/* Of the tables and what is in them. */
static const int made_by_version = 1;

static const char *const adjectives[] = {"Small", "Large", "Folding", "Painted", "Plain", "Round", "Tall", "Narrow"};
static const char *const materials[] = {"oak", "steel", "linen", "glass", "beech", "wool", "copper", "cork"};
static const char *const things[] = {"shelf", "lamp", "chair", "basket", "table", "mirror", "bench", "rug"};
static const char *const cities[] = {"Lyon",  "Porto", "Graz",   "Ghent", "Turin", "Leeds", "Bergen", "Malmo",
                                     "Delft", "Split", "Aarhus", "Basel", "Brno",  "Cork",  "Girona", "Tartu"};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct shop {
  sqlite3 *database;
  sqlite3_stmt *product;
  sqlite3_stmt *by_city;
};

static void check(int code, int expected, sqlite3 *database, const char *what) {
  if (code != expected) give_up("SQLite: %s: %s", what, sqlite3_errmsg(database));
}

static void run(sqlite3 *database, const char *sql) {
  check(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK, database, sql);
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql) {
  sqlite3_stmt *prepared = NULL;
  check(sqlite3_prepare_v2(database, sql, -1, &prepared, NULL), SQLITE_OK, database, sql);
  return prepared;
}

static sqlite3 *open_database(const char *path, int flags) {
  sqlite3 *database = NULL;
  if (sqlite3_open_v2(path, &database, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    give_up("cannot open the database %s: %s", path, sqlite3_errmsg(database));
  }
  return database;
}

/* ---- Making it --------------------------------------------------------------------------------------------------- */

static int is_made(const char *path) {
  sqlite3 *database = NULL;
  sqlite3_stmt *version = NULL;
  int made = 0;
  if (access(path, R_OK) != 0) return 0;
  if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
      sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &version, NULL) == SQLITE_OK &&
      sqlite3_step(version) == SQLITE_ROW) {
    made = sqlite3_column_int(version, 0) == made_by_version;
  }
  sqlite3_finalize(version);
  sqlite3_close(database);
  return made;
}

static void insert(sqlite3 *database, sqlite3_stmt *row) {
  check(sqlite3_step(row), SQLITE_DONE, database, "inserting");
  sqlite3_reset(row);
}

static void fill_products(sqlite3 *database, uint64_t *state) {
  sqlite3_stmt *row = prepare(database, "INSERT INTO products VALUES (?, ?, ?)");
  for (int id = 1; id <= shop_products; id++) {
    char name[64];
    snprintf(name, sizeof(name), "%s %s %s", adjectives[next_random(state, LENGTH(adjectives))],
             materials[next_random(state, LENGTH(materials))], things[next_random(state, LENGTH(things))]);
    sqlite3_bind_int(row, 1, id);
    sqlite3_bind_text(row, 2, name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(row, 3, 500 + (int)next_random(state, 30000));
    insert(database, row);
  }
  sqlite3_finalize(row);
}

static void fill_customers(sqlite3 *database, uint64_t *state) {
  sqlite3_stmt *row = prepare(database, "INSERT INTO customers VALUES (?, ?)");
  for (int id = 1; id <= shop_customers; id++) {
    sqlite3_bind_int(row, 1, id);
    sqlite3_bind_text(row, 2, cities[next_random(state, LENGTH(cities))], -1, SQLITE_STATIC);
    insert(database, row);
  }
  sqlite3_finalize(row);
}

static void fill_sales(sqlite3 *database, uint64_t *state) {
  sqlite3_stmt *row = prepare(database, "INSERT INTO sales VALUES (?, ?, ?, ?, ?)");
  for (int id = 1; id <= shop_sales; id++) {
    if (id % 4000 == 0) progress("making the database, once", id, shop_sales);
    sqlite3_bind_int(row, 1, id);
    sqlite3_bind_int(row, 2, 1 + (int)next_random(state, shop_products));
    sqlite3_bind_int(row, 3, 1 + (int)next_random(state, shop_customers));
    sqlite3_bind_int(row, 4, 1 + (int)next_random(state, 5));
    sqlite3_bind_int(row, 5, (int)next_random(state, 365));
    insert(database, row);
  }
  sqlite3_finalize(row);
}

/* Under another name until it is complete, so that an interrupted run leaves nothing that looks like a database. */
void shop_make(const char *path) {
  char unfinished[4096];
  uint64_t state = 1;
  if (is_made(path)) return;
  snprintf(unfinished, sizeof(unfinished), "%s.%ld", path, (long)getpid());
  unlink(unfinished);
  progress("making the database, once", 0, shop_sales);
  sqlite3 *database = open_database(unfinished, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  run(database, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  run(database, "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL)");
  run(database, "CREATE TABLE customers (id INTEGER PRIMARY KEY, city TEXT NOT NULL)");
  run(database,
      "CREATE TABLE sales (id INTEGER PRIMARY KEY, product INTEGER NOT NULL, customer INTEGER NOT NULL,"
      " pieces INTEGER NOT NULL, day INTEGER NOT NULL)");
  fill_products(database, &state);
  fill_customers(database, &state);
  fill_sales(database, &state);
  char version[64];
  snprintf(version, sizeof(version), "COMMIT; PRAGMA user_version = %d", made_by_version);
  run(database, version);
  sqlite3_close(database);
  if (rename(unfinished, path) != 0) give_up("cannot rename %s to %s", unfinished, path);
  progress_over();
}

/* ---- Asking it --------------------------------------------------------------------------------------------------- */

shop *shop_open(const char *path) {
  shop *opened = calloc(1, sizeof(*opened));
  if (opened == NULL) give_up("out of memory");
  opened->database = open_database(path, SQLITE_OPEN_READONLY);
  run(opened->database, "PRAGMA mmap_size = 67108864");
  opened->product = prepare(opened->database, "SELECT name, cents FROM products WHERE id = ?");
  opened->by_city =
      prepare(opened->database,
              "SELECT customers.city, COUNT(*), SUM(sales.pieces) FROM sales JOIN customers ON"
              " customers.id = sales.customer WHERE sales.product = ? GROUP BY customers.city ORDER BY 2 DESC, 1");
  return opened;
}

void shop_close(shop *closed) {
  if (closed == NULL) return;
  sqlite3_finalize(closed->product);
  sqlite3_finalize(closed->by_city);
  sqlite3_close(closed->database);
  free(closed);
}

void shop_ask(shop *asked, int product, char answer[shop_answer_size]) {
  char name[64];
  char best_city[32] = "nowhere";
  long long sales = 0;
  long long pieces = 0;
  sqlite3_bind_int(asked->product, 1, product);
  check(sqlite3_step(asked->product), SQLITE_ROW, asked->database, "no such product");
  snprintf(name, sizeof(name), "%s", (const char *)sqlite3_column_text(asked->product, 0));
  const long long cents = sqlite3_column_int64(asked->product, 1);
  sqlite3_reset(asked->product);

  sqlite3_bind_int(asked->by_city, 1, product);
  int code = sqlite3_step(asked->by_city);
  for (; code == SQLITE_ROW; code = sqlite3_step(asked->by_city)) {
    if (sales == 0) snprintf(best_city, sizeof(best_city), "%s", (const char *)sqlite3_column_text(asked->by_city, 0));
    sales += sqlite3_column_int64(asked->by_city, 1);
    pieces += sqlite3_column_int64(asked->by_city, 2);
  }
  check(code, SQLITE_DONE, asked->database, "asking");
  sqlite3_reset(asked->by_city);
  snprintf(answer, shop_answer_size, "#%d %s: %lld sales, %lld pieces, EUR %lld.%02lld, most of them in %s", product,
           name, sales, pieces, pieces * cents / 100, pieces * cents % 100, best_city);
}

int shop_is_about(const char *answer, int product) {
  char begin[16];
  const int size = snprintf(begin, sizeof(begin), "#%d ", product);
  return strncmp(answer, begin, (size_t)size) == 0;
}
