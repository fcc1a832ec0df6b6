/* shop.h: the slow source: the sales of a shop, in SQLite.
 *
 * 120,000 sales of 2,000 products by 20,000 customers, made once and the same everywhere. The question is how a product
 * sells. The database has no index for it, as it happens: SQLite reads all sales and joins the customers.
 *
 * Thread rule: a connection belongs to one thread at a time; any number of connections may be used at once.
 */
#ifndef CACHECORE_DEMO_SHOP_H
#define CACHECORE_DEMO_SHOP_H

#include <stddef.h>

enum { shop_products = 2000, shop_customers = 20000, shop_sales = 120000, shop_answer_size = 200 };

/* Makes the database unless it is there. Shows progress. */
void shop_make(const char *path);

typedef struct shop shop;

shop *shop_open(const char *path);
void shop_close(shop *closed);

/* How a product sells, as text that begins with "#<product> ". */
void shop_ask(shop *asked, int product, char answer[shop_answer_size]);

/* Whether a text is an answer about this product. */
int shop_is_about(const char *answer, int product);

#endif
