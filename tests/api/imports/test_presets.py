"""The presets, on small files in the shape of the real exports."""

from decimal import Decimal
from pathlib import Path

from tests.api.imports.workshop import Workshop

SHOPIFY = """\
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,\
Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,\
Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,\
Billing Name,Billing Street,Billing Company,Billing Country,Billing Phone,Shipping Name,Shipping Country,Cancelled at,\
Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Id,Tags,Risk Level,Source,Phone,Payment ID
#1001,ann@example.org,partially_refunded,2024-05-01 10:01:00 -0400,fulfilled,2024-05-02 09:00:00 -0400,yes,USD,90.00,\
10.00,8.00,108.00,SPRING,10.00,Standard,2024-05-01 10:00:00 -0400,2,Mug - Blue,25.00,,MUG-B,true,true,fulfilled,\
Ann Lee,Street 1,Lee Ltd,US,+1 555 010 0001,Ann Lee,US,,Shopify Payments,c1,20.00,Mugs,0.00,5550001112223334445,,Low,\
web,,p1
#1001,ann@example.org,,,,,,,,,,,,,,2024-05-01 10:00:00 -0400,1,Teapot,50.00,,TEA,true,true,fulfilled,\
,,,,,,,,,,,Pots,,,,,,,
#1002,ben@example.org,paid,2024-05-03 10:01:00 +0200,unfulfilled,,no,EUR,20.00,0.00,3.19,20.00,,0.00,,\
2024-05-03 10:00:00 +0200,1,"Cup, small",20.00,,,true,true,pending,Ben,,,DE,,Ben,DE,2024-05-04 08:00:00 +0200,\
manual,,20.00,,0.00,5550001112223334446,,Low,web,,
"""


def test_a_shopify_orders_export(shop: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "orders_export_1.csv"
    file.write_text(SHOPIFY)
    report = shop.imports("shopify-orders", file)
    assert (report.rows, report.used, report.skipped, report.anomalies) == (3, 3, {}, {})
    assert shop.sql(
        "SELECT source_id, currency, total, paid, refunded, payment_status, fulfilment_status "
        "FROM read.orders ORDER BY 1"
    ) == [
        ("5550001112223334445", "USD", 108, 108, 20, "partly-refunded", "fulfilled"),
        ("5550001112223334446", "EUR", 20, 20, 20, "refunded", "unfulfilled"),
    ]
    assert shop.sql("SELECT sku, title, quantity, unit_price FROM read.order_lines ORDER BY 1") == [
        ("Cup, small", "Cup, small", 1, 20),
        ("MUG-B", "Mug - Blue", 2, 25),
        ("TEA", "Teapot", 1, 50),
    ]
    assert shop.sql("SELECT name, email, phone, company, country FROM read.customers ORDER BY 1") == [
        ("Ann Lee", "ann@example.org", "+1 555 010 0001", "Lee Ltd", "US"),
        ("Ben", "ben@example.org", None, None, "DE"),
    ]
    assert shop.imports("shopify-orders", file).events == 0
    later = tmp_path / "orders_export_2.csv"
    later.write_text(SHOPIFY.replace(",20.00,Mugs,", ",25.00,Mugs,"))
    shop.imports("shopify-orders", later, as_of="2024-06-01T00:00:00Z")
    assert shop.sql("SELECT currency, count(*), sum(amount) FROM read.refunds GROUP BY 1 ORDER BY 1") == [
        ("EUR", 1, 20),
        ("USD", 1, 25),
    ]


def test_a_woocommerce_orders_export(shop: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(
        "order_id,order_number,order_date,paid_date,status,shipping_total,fee_total,tax_total,discount_total,order_total,"
        "refunded_total,order_currency,payment_method,customer_id,billing_first_name,billing_last_name,billing_company,"
        "billing_email,billing_phone,billing_country,item_id,item_product_id,item_name,item_sku,item_quantity,"
        "item_subtotal,item_total\n"
        "963,963,2024-04-03 23:05:12,2024-04-03 23:05:14,wc-completed,5.00,1.00,2.10,3.00,25.10,4.10,USD,stripe,11,"
        "Johnny,Seed,,jo@example.org,333-333-3333,US,1,52,Basket,BSK,3,10.00,8.00\n"
        "963,963,2024-04-03 23:05:12,2024-04-03 23:05:14,wc-completed,5.00,1.00,2.10,3.00,25.10,4.10,USD,stripe,11,"
        "Johnny,Seed,,jo@example.org,333-333-3333,US,2,53,Apple,,1,10.00,9.00\n"
        "964,964,2024-04-04 23:05:12,,cancelled,0,0,0,0,7.00,0,USD,,0,,,,guest@example.org,,FR,3,54,Pear,P,1,7.00,"
        "7.00\n"
    )
    report = shop.imports("woocommerce-orders", file, time_zone="Europe/Paris")
    assert (report.used, report.skipped, report.anomalies) == (3, {}, {})
    assert shop.sql(
        "SELECT source_id, total, paid, refunded, status, to_char(placed_at AT TIME ZONE 'UTC', 'HH24:MI') "
        "FROM read.orders ORDER BY 1"
    ) == [
        ("963", Decimal("25.10"), Decimal("25.10"), Decimal("4.10"), "open", "21:05"),
        ("964", 7, 0, 0, "cancelled", "21:05"),
    ]
    assert shop.sql("SELECT sku, quantity FROM read.order_lines ORDER BY 1") == [
        ("53", 1),
        ("BSK", 3),
        ("P", 1),
    ]
    assert shop.imports("woocommerce-orders", file).skipped == {
        "date-without-zone": 2,
        "record-incomplete": 1,
    }


def test_hubspot_contacts_and_their_deals(shop: Workshop, tmp_path: Path) -> None:
    contacts, deals = tmp_path / "contacts.csv", tmp_path / "deals.csv"
    contacts.write_text(
        "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lifecycle Stage,Country/Region,"
        "Associated Company,Create Date,Last Modified Date\n"
        "101,Camille,Durand,camille@example.com,+33 6 12 34 56 78,florent@example.com,Customer,France,Villa,"
        "2024-03-12 09:14,2024-04-01 10:00\n"
        "103,,,,,,,,,2024-01-01 00:00,\n"
    )
    deals.write_text(
        "Record ID,Deal Name,Deal Stage,Close Date,Deal owner,Amount,Pipeline,Create Date,Associated Contact IDs,"
        "Closed Lost Reason\n"
        "7001,Casino,Closed Won,2024-05-02 00:00,Sam Sales,15000,Sales Pipeline,2024-03-01 10:00,101;999,\n"
        "7002,Draw,Closed Lost,2024-05-03 00:00,Sam Sales,2500,,2024-03-01 10:00,,Too dear\n"
        "7003,Hall,Proposal,,,,Sales Pipeline,2024-03-01 10:00,,\n"
    )
    shop.imports("hubspot-contacts", contacts, time_zone="Europe/Paris")
    report = shop.imports("hubspot-deals", deals, time_zone="Europe/Paris", currency="EUR")
    assert (report.used, report.skipped) == (3, {})
    assert shop.sql(
        "SELECT name, email, owner, lifecycle_stage, country FROM read.customers ORDER BY 1 LIMIT 1"
    ) == [("Camille Durand", "camille@example.com", "florent@example.com", "customer", "France")]
    assert shop.value("SELECT count(*) FROM read.customers") == 2
    assert shop.sql(
        "SELECT title, stage, outcome, lost_reason, amount, currency, customer_id IS NOT NULL "
        "FROM read.deals ORDER BY 1"
    ) == [
        ("Casino", "Closed Won", "won", None, 15000, "EUR", True),
        ("Draw", "Closed Lost", "lost", "Too dear", 2500, "EUR", False),
        ("Hall", "Proposal", "open", None, None, None, False),
    ]


def test_customers_leads_and_deals_in_plain_csv(shop: Workshop, tmp_path: Path) -> None:
    customers, leads, deals = (tmp_path / f"{name}.csv" for name in ("customers", "leads", "deals"))
    customers.write_text(
        "id,email,phone,name,company,country,created_at\n"
        "c1,ann@example.org,,Ann,Acme,DE,2024-01-01T00:00:00Z\nc2,,,Ben,,FR,\n"
    )
    leads.write_text(
        "id,created_at,email,form,source,medium,campaign,message,owner,status,status_at\n"
        "l1,2024-02-01T00:00:00Z,ann@example.org,contact,google,cpc,spring,Hello,sam,qualified,2024-02-03T00:00:00Z\n"
        "l2,2024-02-02T00:00:00Z,eve@example.org,contact,,,,,,,\n"
    )
    deals.write_text(
        "id,title,stage,opened_at,amount,currency,customer_id,outcome,closed_at\n"
        "d1,Big one,Offer,2024-03-01T00:00:00Z,100.00,EUR,c1,won,2024-03-05T00:00:00Z\n"
        "d2,Small one,Offer,2024-03-01T00:00:00Z,,,,,\n"
    )
    for preset, file in (("customers-csv", customers), ("leads-csv", leads), ("deals-csv", deals)):
        report = shop.imports(preset, file)
        assert (report.used, report.skipped, report.refused) == (2, {}, {}), preset
        assert shop.imports(preset, file).events == 0, preset
    assert shop.sql("SELECT name, company, country FROM read.customers ORDER BY 1 NULLS LAST") == [
        ("Ann", "Acme", "DE"),
        ("Ben", None, "FR"),
        (None, None, None),
    ]
    assert shop.sql(
        "SELECT form, status, owner, first_source, fields ->> 'message' FROM read.leads ORDER BY captured_at"
    ) == [
        ("contact", "qualified", "sam", "google", "Hello"),
        ("contact", "open", None, None, None),
    ]
    assert shop.sql("SELECT title, outcome, amount, currency FROM read.deals ORDER BY 1") == [
        ("Big one", "won", 100, "EUR"),
        ("Small one", "open", None, None),
    ]
    assert (
        shop.value(
            "SELECT count(*) FROM read.deals JOIN read.customers USING (customer_id) WHERE name = 'Ann'"
        )
        == 1
    )


def test_order_lines_in_plain_csv_with_and_without_a_total(shop: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(
        "order_id,placed_at,currency,total,email,sku,title,quantity,unit_price,shipping\n"
        "1,2024-05-01T10:00:00Z,EUR,24.90,ann@example.org,a,Cup,2,10.00,4.90\n"
        "2,2024-05-01T10:00:00Z,EUR,,,a,Cup,1,10.00,\n"
        "1,2024-05-01T10:00:00Z,EUR,,ann@example.org,b,Lid,0,3.00,\n"
        "2,2024-05-01T10:00:00Z,EUR,,,b,Lid,2,3.00,\n"
    )
    report = shop.imports("order-lines-csv", file)
    assert (report.used, report.skipped, report.anomalies) == (4, {}, {})
    assert shop.sql("SELECT source_id, total FROM read.orders ORDER BY 1") == [
        ("1", Decimal("24.90")),
        ("2", 16),
    ]
    assert shop.value("SELECT count(*) FROM read.order_lines") == 4
